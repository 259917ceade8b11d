import { assert, assertEquals } from "@std/assert";
import { engineContainer } from "../../../lib/oci/mod.ts";

Deno.test("a container to warm a guest up with has what engines ask for", async () => {
  const { command, volumes, details, pids } = await engineContainer("/etc/passwd");
  assertEquals(volumes.map(({ source, destination }) => [source, destination]), [
    ["/etc/passwd", "/etc/hosts"],
  ]);
  assertEquals(pids, 2048);
  assertEquals(details!.mounts.map(({ path }) => path).sort(), [
    "/dev",
    "/dev/mqueue",
    "/dev/pts",
    "/dev/shm",
    "/etc/hosts",
    "/proc",
    "/sys",
    "/sys/fs/cgroup",
  ]);
  assert(details!.maskedPaths!.includes("/proc/kcore"));
  assert(command.seccomp, "a filter of system calls");
  assert(!command.terminal && command.noNewPrivileges);
});

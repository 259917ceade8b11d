import { assertEquals, assertThrows } from "@std/assert";
import { capabilityMasks } from "../../../../lib/guest/agent/capabilities.ts";
import { executableCandidates } from "../../../../lib/guest/agent/executable.ts";
import { resourceLimits } from "../../../../lib/guest/agent/rlimits.ts";

const NONE = {
  bounding: null,
  effective: null,
  inheritable: null,
  permitted: null,
  ambient: null,
};

Deno.test("a program is looked for in each directory of PATH, in order", () => {
  assertEquals(executableCandidates("ls", ["PATH=/a:/b", "X=1"]), ["/a/ls", "/b/ls"]);
  assertEquals(executableCandidates("ls", ["PATH=/a", "PATH=/b"]), ["/b/ls"]);
});

Deno.test("a program named with a slash is looked for nowhere else", () => {
  assertEquals(executableCandidates("/bin/ls", ["PATH=/a"]), ["/bin/ls"]);
  assertEquals(executableCandidates("./ls", ["PATH=/a"]), ["./ls"]);
});

Deno.test("an empty entry of PATH is the working directory, no PATH the usual places", () => {
  assertEquals(executableCandidates("ls", ["PATH=:/a"]), ["./ls", "/a/ls"]);
  assertEquals(executableCandidates("ls", []).at(-1), "/bin/ls");
});

Deno.test("a PATH without end is cut", () => {
  assertEquals(executableCandidates("ls", ["PATH=" + "/x:".repeat(100_000)]).length, 64);
});

Deno.test("without lists a process has the fourteen capabilities of the original agent", () => {
  const masks = capabilityMasks(NONE);
  // The same as what runc's default shows in CapBnd.
  assertEquals(masks.bounding, 0xa80425fbn);
  assertEquals(masks.permitted, masks.bounding);
  assertEquals(masks.effective, masks.bounding);
  assertEquals([masks.inheritable, masks.ambient], [0n, 0n]);
});

Deno.test("capabilities are taken by name with or without prefix, in any case", () => {
  const masks = capabilityMasks({ ...NONE, bounding: ["CAP_CHOWN", "net_raw"] });
  assertEquals(masks.bounding, 1n | 1n << 13n);
  assertEquals(masks.effective, masks.bounding);
});

Deno.test("an empty list is no capability, and no list exceeds the one above it", () => {
  assertEquals(capabilityMasks({ ...NONE, bounding: [] }).effective, 0n);
  const masks = capabilityMasks({
    bounding: ["CAP_CHOWN", "CAP_KILL"],
    permitted: ["CAP_CHOWN"],
    effective: ["CAP_CHOWN", "CAP_KILL"],
    inheritable: ["CAP_CHOWN"],
    ambient: ["CAP_CHOWN", "CAP_KILL"],
  });
  assertEquals([masks.effective, masks.ambient], [1n, 1n]);
});

Deno.test("a further process has its container's capabilities", () => {
  const own = capabilityMasks({ ...NONE, bounding: ["CAP_SYS_ADMIN"], permitted: [] });
  assertEquals(capabilityMasks(NONE, own), own);
});

Deno.test("an unknown capability is refused by name", () => {
  assertThrows(
    () => capabilityMasks({ ...NONE, ambient: ["CAP_FLY"] }),
    Error,
    "unknown capability CAP_FLY",
  );
});

Deno.test("resource limits are taken by name, and infinity survives JSON", () => {
  const [files, core, stack] = resourceLimits([
    { type: "RLIMIT_CORE", soft: 0, hard: 18446744073709551615 },
    { type: "stack", soft: 1, hard: 2 },
  ]);
  assertEquals([files!.resource, files!.soft, files!.required], [7, 1024n, false]);
  assertEquals([core!.resource, core!.soft, core!.hard], [4, 0n, 0xffff_ffff_ffff_ffffn]);
  assertEquals([stack!.resource, stack!.soft, stack!.hard, stack!.required], [3, 1n, 2n, true]);
});

Deno.test("the host's number of open files replaces the default", () => {
  const limits = resourceLimits([{ type: "RLIMIT_NOFILE", soft: 5, hard: 6 }]);
  assertEquals(limits.map(({ soft, hard }) => [soft, hard]), [[5n, 6n]]);
});

Deno.test("an unknown resource limit is refused by name", () => {
  assertThrows(
    () => resourceLimits([{ type: "RLIMIT_FUN", soft: 1, hard: 1 }]),
    Error,
    "unknown resource limit RLIMIT_FUN",
  );
});

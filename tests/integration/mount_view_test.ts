import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { collectChild, openProcess, pipe, spawn, waitForEnd } from "../../lib/sys/mod.ts";

Deno.test("who joins a process's mount namespace finds its view there, while it sees the host itself", async () => {
  const root = await Deno.makeTempDir({ prefix: "pv-" });
  await using _root = {
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
  await Deno.mkdir(join(root, "place"));
  await Deno.copyFile("/bin/busybox", join(root, "busybox"));
  const source = join(root, "..", "pv-view-source");
  await Deno.writeTextFile(source, "shown\n");
  await using _source = { [Symbol.asyncDispose]: () => Deno.remove(source) };
  await Deno.writeTextFile(join(root, "file"), "");
  const { read, write } = pipe();
  using _read = read;
  const pid = spawn({
    command: ["/bin/sh", "-c", `test -e ${source} && read x`],
    descriptors: [read.number, null, null],
    view: {
      root,
      readOnly: true,
      binds: [{ source, destination: "/file", readOnly: true }],
    },
  });
  const script = "/busybox cat /file; /busybox ls -d /place /proc /root; " +
    "/busybox touch /new || echo refused";
  const { stdout } = await new Deno.Command("nsenter", {
    args: ["--mount", "--target", String(pid), "/busybox", "sh", "-c", script],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "shown\n/place\nrefused\n");
  using process = openProcess(pid)!;
  write.close();
  await waitForEnd(process);
  assertEquals(collectChild(pid), { kind: "exited", code: 1 });
});

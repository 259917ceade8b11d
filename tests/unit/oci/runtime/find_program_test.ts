import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../../../lib/failure.ts";
import { checkProgram } from "../../../../lib/oci/runtime/find_program.ts";
import type { ContainerConfig } from "../../../../lib/pod/mod.ts";

Deno.test("a program is looked for in the root file system, whose links lead nowhere else", async () => {
  const root = await Deno.makeTempDir({ prefix: "pv-" });
  await using _root = {
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
  await Deno.mkdir(join(root, "bin"));
  await Deno.writeTextFile(join(root, "bin/tool"), "", { mode: 0o755 });
  await Deno.writeTextFile(join(root, "bin/text"), "", { mode: 0o644 });
  await Deno.symlink("/bin/tool", join(root, "bin/link"));
  await Deno.symlink("/bin/sh", join(root, "bin/outside"));
  const code = (program: string, destination = "/data"): number => {
    const command = { args: [program], env: [{ env: "PATH", value: "/bin" }], cwd: "/" };
    const volumes = [{ source: "/", destination, readOnly: true }];
    const config = { root: { kind: "directory", path: root }, command, volumes, memoryMounts: [] };
    try {
      checkProgram(config as unknown as ContainerConfig);
      return 0;
    } catch (error) {
      if (error instanceof Failure) return error.exitCode;
      throw error;
    }
  };
  assertEquals(["tool", "/bin/tool", "bin/tool", "link"].map((each) => code(each)), [0, 0, 0, 0]);
  assertEquals(["none", "/bin/none", "outside"].map((each) => code(each)), [127, 127, 127]);
  assertEquals(["text", "/bin"].map((each) => code(each)), [126, 126]);
  // What is mounted there only the guest can see.
  assertEquals([code("none", "/bin"), code("/sbin/init", "/sbin/init")], [0, 0]);
});

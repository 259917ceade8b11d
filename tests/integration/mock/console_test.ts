import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { installFakeQemu } from "../../fake_vm/mod.ts";
import { Bench, eventually, PODVISOR } from "../../harness/podvisor.ts";

for (const proxy of ["builtin", "cc-proxy"]) {
  Deno.test(`the console of a pod in the background stays small with the proxy ${proxy}, and its end is told`, async () => {
    await using bench = await Bench.make();
    const env = { PODVISOR_QEMU: await installFakeQemu(bench.state) };
    const other = join(bench.state, "cc-proxy");
    await Deno.writeTextFile(other, `#!/bin/sh\nexec ${PODVISOR.join(" ")} proxy "$@"\n`);
    await Deno.chmod(other, 0o700);
    const kind = proxy === "builtin" ? proxy : `${proxy}=${other}`;
    const boot = ["--kernel", "/dev/null", "--initrd", "/dev/null", "--proxy", kind];
    const made = await bench.podvisor(["pod", "run", ...boot, "p"], { env });
    assertEquals([made.code, made.stderr], [0, ""]);
    const console = join(bench.state, "pods/p/console.log");
    const flood = `${".".repeat(99)}\n`.repeat(30_000) + "the last words\n";
    await Deno.writeTextFile(console, flood, { append: true });
    await eventually("it is cut", () => (Deno.statSync(console).blocks ?? 0) <= 2048 || undefined);
    const { vm } = JSON.parse((await bench.podvisor(["pod", "inspect", "p"])).stdout);
    Deno.kill(vm.process.pid, "SIGKILL");
    const inspected = await eventually("its end is told", async () => {
      const pod = JSON.parse((await bench.podvisor(["pod", "inspect", "p"])).stdout);
      return pod.state === "stopped" ? pod : undefined;
    });
    assertEquals(inspected.reason, "its VM ended: the last words");
    const logs = await bench.podvisor(["logs", "--pod", "p"]);
    assertMatch(logs.stdout, /the last words/);
    await bench.podvisor(["pod", "rm", "p"]);
    await bench.assertNothingLeft();
  });
}

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { installFakeQemu } from "../../fake_vm/mod.ts";
import { Bench } from "../../harness/podvisor.ts";

Deno.test("a pod's sockets are where the configuration says, are nobody else's, and go with it", async () => {
  await using bench = await Bench.make();
  const sockets = join(bench.state, "sockets");
  await Deno.mkdir(sockets);
  const config = join(bench.state, "config.toml");
  const env = { PODVISOR_QEMU: await installFakeQemu(bench.state), PODVISOR_CONFIG: config };
  const pv = (...args: string[]) => bench.podvisor(args, { env });
  const boot = ["--kernel", "/dev/null", "--initrd", "/dev/null"];
  const names = () => [...Deno.readDirSync(sockets)].map(({ name }) => name).sort();

  await Deno.writeTextFile(config, `control_socket = "${sockets}/{pod}.ctl"\n`);
  const made = await pv("pod", "create", "--json", ...boot, "a");
  assertEquals([made.code, made.stderr], [0, ""]);
  assertEquals(JSON.parse(made.stdout).config.sockets, { control: `${sockets}/{pod}.ctl` });
  assertEquals((await pv("pod", "create", ...boot, "b")).code, 0);
  assertEquals(names(), ["a.ctl", "b.ctl"]);

  const taken = await pv("pod", "create", ...boot, "--stream-socket", `${sockets}/a.ctl`, "c");
  assertEquals(taken.code, 125);
  assertStringIncludes(taken.stderr, `${sockets}/a.ctl as a socket of the pod c: the pod a has it`);
  const file = await pv("pod", "create", ...boot, "--control-socket", config, "c");
  assertStringIncludes(file.stderr, "there is a file of that name");
  assertEquals(names(), ["a.ctl", "b.ctl"]);

  assertEquals((await pv("pod", "stop", "a")).code, 0);
  assertEquals(names(), ["b.ctl"]);
  const { vm } = JSON.parse((await pv("pod", "inspect", "b")).stdout);
  Deno.kill(vm.process.pid, "SIGKILL");
  assertEquals((await pv("pod", "start", "a")).code, 0);
  assertEquals(names(), ["a.ctl", "b.ctl"]);
  assertEquals((await pv("pod", "rm", "--force", "a")).code, 0);
  assertEquals((await pv("pod", "rm", "--force", "b")).code, 0);
  assertEquals(names(), []);
  await bench.assertNothingLeft();
});

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { isAlive, pause, type ProcessIdentity } from "../../lib/sys/mod.ts";
import { eventually } from "../harness/podvisor.ts";
import { makeSandbox } from "./network_sandbox.ts";
import { TemplateBench } from "../harness/template_bench.ts";

/** What a test knows of a spare (`spare.json`). */
interface Spare {
  key: string;
  vm: { process: ProcessIdentity };
  proxy: { process: ProcessIdentity };
  keeper: ProcessIdentity;
}

Deno.test("spares are handed out, made up for, and never left behind", async (t) => {
  await using bench = await TemplateBench.make();
  const { state } = bench.bench;
  const env = { ...bench.env(), PODVISOR_SPARES: "1" };
  const podvisor = async (...args: string[]) => {
    const { code, stdout, stderr } = await bench.bench.podvisor(args, { env });
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  const spareOf = (id: string) => readSpare(join(state, "pods", id));
  const waiting = () => spares(join(state, "spares/pods"));
  const nextSpare = (but?: Spare) =>
    eventually(
      "a spare",
      () => waiting().find(({ vm }) => vm.process.pid !== but?.vm.process.pid),
    );
  /** A command whose pod of that name has got a spare, which has been made up for. */
  const takeOne = async (pod: string) => {
    const spare = await nextSpare();
    const args = ["run", "--name", pod, "busybox", "sleep", "600"];
    const command = bench.bench.start(args, { env });
    await eventually("the pod's VM", () => spareOf(pod));
    await nextSpare(spare);
    return { spare, command };
  };
  const noSpare = () =>
    eventually("no spare", () => names(join(state, "spares/pods")).length === 0);

  await t.step("a restored pod has one made", async () => {
    await bench.done("template", "build");
    assertEquals(await podvisor("run", "busybox", "echo", "first"), "first\n");
    await nextSpare();
  });

  await t.step("a pod gets it, with all that is its own, and another one is made", async () => {
    const spare = await nextSpare();
    await podvisor("pod", "create", "web", "--hostname", "www", "--cpus", "2");
    const { vm, proxy } = JSON.parse(await podvisor("pod", "inspect", "web"));
    assertEquals([vm.process, proxy.process], [spare.vm.process, spare.proxy.process]);
    const file = join(state, "file");
    await Deno.writeTextFile(file, "of this pod\n");
    const script = "hostname; nproc; date +%s; cat /file";
    const args = ["--pod", "web", "-v", `${file}:/file:ro`, "busybox", "sh", "-c", script];
    const before = Date.now();
    const [name, cpus, time, text] = (await podvisor("container", "run", ...args)).split("\n");
    assertEquals([name, cpus, text], ["www", "2", "of this pod"]);
    // Whole seconds, and the clock of an emulated machine.
    const [earliest, latest] = [before - 2000, Date.now() + 1000];
    assert(Number(time) * 1000 >= earliest && Number(time) * 1000 <= latest, time);
    await nextSpare(spare);
    assert(isAlive(spare.vm.process), "the VM of a pod that lasts goes on");
    await podvisor("pod", "rm", "--force", "web");
    assert(!isAlive(spare.vm.process) && !isAlive(spare.proxy.process));
  });

  await t.step("of two commands at once one gets it, and both have their own", async () => {
    const spare = await nextSpare();
    const script = "head -c 16 /dev/urandom | md5sum; cat /proc/sys/kernel/random/uuid; hostname";
    const outputs = await Promise.all(
      ["a", "b"].map((name) => podvisor("run", "--name", name, "busybox", "sh", "-c", script)),
    );
    const [a, b] = outputs.map((output) => output.trim().split("\n"));
    assertEquals([a!.length, b!.length], [3, 3]);
    for (const [index, line] of a!.entries()) assertNotEquals(line, b![index]);
    assert(!isAlive(spare.vm.process));
    await nextSpare(spare);
  });

  await t.step("a pod that is to boot leaves it alone", async () => {
    const spare = await nextSpare();
    await podvisor("run", "--no-template", "busybox", "true");
    assertEquals(waiting(), [spare]);
  });

  await t.step(
    "while a command runs another is made, and with one that is killed goes its VM",
    async () => {
      const { spare, command } = await takeOne("killed");
      command.kill("SIGKILL");
      await command.output();
      await eventually("the end of the VM", () => !isAlive(spare.vm.process));
      await eventually("the end of the proxy", () => !isAlive(spare.proxy.process));
      assertStringIncludes(await podvisor("gc"), "removed pod killed");
    },
  );

  await t.step(
    "one whose keeper is killed with the command that has it is ended by gc",
    async () => {
      const { spare, command } = await takeOne("orphan");
      Deno.kill(spare.keeper.pid, "SIGKILL");
      command.kill("SIGKILL");
      await command.output();
      assertStringIncludes(await podvisor("gc"), "removed pod orphan");
      assert(!isAlive(spare.vm.process) && !isAlive(spare.proxy.process));
    },
  );

  await t.step("one whose VM is killed goes away", async () => {
    const spare = await nextSpare();
    Deno.kill(spare.vm.process.pid, "SIGKILL");
    await noSpare();
    assert(!isAlive(spare.proxy.process));
  });

  await t.step("one whose proxy is killed goes away", async () => {
    const [key] = await bench.keys();
    const keeper = bench.bench.start(["spare", "keep", "--key", key!], { env });
    const spare = await nextSpare();
    // One that is gone before its keeper has counted those that wait is made up for.
    await pause(500);
    Deno.kill(spare.proxy.process.pid, "SIGKILL");
    assertEquals((await keeper.output()).code, 0);
    assert(!isAlive(spare.vm.process));
    await noSpare();
  });

  await t.step("one whose time is up is ended", async () => {
    const [key] = await bench.keys();
    const keeper = bench.bench.start(["spare", "keep", "--key", key!, "--time", "1"], { env });
    const spare = await nextSpare();
    assertEquals((await keeper.output()).code, 0);
    assert(!isAlive(spare.vm.process));
    await noSpare();
  });

  await t.step("one whose keeper is killed is nobody's, and is ended by gc", async () => {
    const [key] = await bench.keys();
    bench.bench.start(["spare", "keep", "--key", key!], { env }).unref();
    const spare = await nextSpare();
    Deno.kill(spare.keeper.pid, "SIGKILL");
    await eventually("the end of the keeper", () => !isAlive(spare.keeper));
    await bench.done("pod", "create", "web");
    const { vm } = JSON.parse(await podvisor("pod", "inspect", "web"));
    assertNotEquals(vm.process, spare.vm.process);
    await podvisor("pod", "rm", "--force", "web");
    const ended = await podvisor("gc");
    for (const { pid } of [spare.vm.process, spare.proxy.process]) {
      assertMatch(ended, new RegExp(`ended processes (\\d+, )*${pid}\\b`));
    }
    assert(!isAlive(spare.vm.process) && !isAlive(spare.proxy.process));
    await noSpare();
  });

  await bench.bench.assertNothingLeft();
});

Deno.test("pods on a bridge get spares, whose card becomes their own", async () => {
  await using bench = await TemplateBench.make();
  await using host = await makeSandbox();
  await host.run(
    "ip link set lo up; ip link add br0 type bridge; ip link set br0 mtu 1400; ip link set br0 up;" +
      "ip addr add 10.88.0.1/24 dev br0; ip addr add fd88::1/64 dev br0 nodad",
  );
  const { state } = bench.bench;
  const env = { ...bench.env(), PODVISOR_SPARES: "2" };
  const finish = (...args: string[]) => bench.bench.podvisor(args, { env, namespace: host.path });
  const podvisor = async (...args: string[]) => {
    const { code, stdout, stderr } = await finish(...args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  const waiting = () => spares(join(state, "spares/pods")).map(({ vm }) => vm.process.pid);
  const twoWaiting = () =>
    eventually("two spares", () => {
      const pids = waiting();
      return pids.length === 2 ? pids : undefined;
    });
  await bench.done("template", "build", "--network", "bridge:elsewhere");
  await podvisor("run", "--network", "bridge:br0", "busybox", "true");
  for (const [at, pod] of ["a", "b"].entries()) {
    const pids = await twoWaiting();
    await podvisor("pod", "run", pod, "--network", "bridge:br0");
    const { vm } = JSON.parse(await podvisor("pod", "inspect", pod));
    assert(pids.includes(vm.process.pid));
    const seen = await podvisor(
      ...["container", "run", "--pod", pod, "busybox", "sh", "-ec"],
      "ls /sys/class/net; ip addr show eth0; ip route; ip -6 route;" +
        "for to in 10.88.0.1 10.88.0.2 fd88::1 fd88::2; do ping -c 1 $to; done",
    );
    assertMatch(seen, /^eth0\nlo\n/);
    assertStringIncludes(seen, "mtu 1400");
    assertStringIncludes(seen, `inet 10.88.0.${at + 2}/24`);
    assertStringIncludes(seen, `inet6 fd88::${at + 2}/64`);
    // Nothing of what the spare was told while it was nobody's.
    assertEquals(seen.match(/192\.0\.2\.|198\.51\.100\.|2001:db8:/g), null, seen);
    assertEquals(seen.match(/ 0% packet loss/g)?.length, 4);
  }

  await twoWaiting();
  const taken = ["--network", "bridge:br0", "--ip", "10.88.0.2/24"];
  const refused = await finish("pod", "run", "c", ...taken);
  assertEquals([refused.code, refused.stderr], [
    125,
    "podvisor: Cannot give the pod 10.88.0.2/24: another pod on the bridge br0 has it\n",
  ]);

  // The one that it had taken is made up for by the next.
  await podvisor("run", "--network", "bridge:br0", "busybox", "true");

  // Its card has a queue for each processor, which none that waits has.
  await bench.done("template", "build", "--cpus", "2", "--network", "bridge:elsewhere");
  await podvisor("run", "--cpus", "2", "--network", "bridge:br0", "busybox", "true");
  await eventually("four spares", () => waiting().length === 4);
  const before = waiting();
  await podvisor("pod", "run", "c", "--cpus", "2", "--network", "bridge:br0");
  const { vm } = JSON.parse(await podvisor("pod", "inspect", "c"));
  assert(before.includes(vm.process.pid));
  const script = "nproc; ping -c 1 10.88.0.1; ping -c 1 fd88::2";
  const seen = await podvisor("container", "run", "--pod", "c", "busybox", "sh", "-ec", script);
  assertMatch(seen, /^2\n/);
  assertEquals(seen.match(/ 0% packet loss/g)?.length, 2);
  const [a, b] = await Promise.all(
    ["a", "b"].map(async (pod) => JSON.parse(await podvisor("network", "list", "--json", pod))),
  );
  assertNotEquals(a.interfaces[0].mac, b.interfaces[0].mac);
  await podvisor("network", "rm", "--interface", "eth0", "b");
  await podvisor("pod", "rm", "--force", "a", "b", "c");
  await eventually("four spares again", () => waiting().length === 4);
  for (const pid of waiting()) Deno.kill(pid, "SIGKILL");
  await eventually("no spare", () => names(join(state, "spares/pods")).length === 0);
  await eventually("no port at the bridge", async () => {
    return (await host.run("bridge link")).trim() === "";
  });
  await bench.bench.assertNothingLeft();
});

function spares(directory: string): Spare[] {
  return names(directory).flatMap((name) => readSpare(join(directory, name)) ?? []);
}

function readSpare(directory: string): Spare | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(join(directory, "spare.json")));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function names(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

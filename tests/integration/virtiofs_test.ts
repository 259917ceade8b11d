import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { Bench, eventually } from "../harness/podvisor.ts";

/** The daemons that serve this place's pods. */
async function daemons(bench: Bench): Promise<number[]> {
  const found = (await bench.leftovers()).map((each) => /^process (\d+): \S*virtiofsd/.exec(each));
  return found.flatMap((match) => match ? [Number(match[1])] : []);
}

Deno.test("files are shared by virtio-fs as they are by 9p", async (t) => {
  await using bench = await Bench.make();
  const podvisor = async (...args: string[]) => {
    const { code, stdout, stderr } = await bench.podvisor(args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  const data = join(bench.state, "data");
  await Deno.mkdir(data);
  await Deno.writeTextFile(join(data, "in"), "from the host\n");
  await podvisor("pod", "run", "--share", "virtiofs", "p");
  const run = (name: string, ...args: string[]) =>
    podvisor("container", "run", "--pod", "p", "--name", name, ...args);

  await t.step("the root and volumes come over it, written to and read-only", async () => {
    assertMatch(await run("mounts", "busybox", "cat", "/proc/mounts"), /^\S+ \/ virtiofs rw/);
    const script = "cat /data/in /one; echo made > /data/out; chown 7:8 /data/out;" +
      "echo no > /frozen/no || echo refused; echo x > /x && cat /x";
    const { code, stdout } = await bench.podvisor([
      ...["container", "run", "--pod", "p", "--name", "a", "-v", `${data}:/data`],
      ...["-v", `${data}:/frozen:ro`, "-v", `${join(data, "in")}:/one`],
      ...["busybox", "sh", "-c", script],
    ]);
    assertEquals([code, stdout], [0, "from the host\nfrom the host\nrefused\nx\n"]);
    assertEquals(await Deno.readTextFile(join(data, "out")), "made\n");
    const { uid, gid } = await Deno.stat(join(data, "out"));
    assertEquals([uid, gid], [7, 8]);
  });

  await t.step("a container that is removed and made again at once has its new root", async () => {
    for (const round of ["1", "2", "3"]) {
      await run("again", "--rm", "busybox", "sh", "-c", `test ! -e /mark && echo ${round} > /mark`);
    }
  });

  await t.step("memory can be added, and files are read into it", async () => {
    await podvisor("pod", "update", "--memory", "640M", "p");
    await Deno.writeFile(join(data, "large"), new Uint8Array(8 << 20).fill(65));
    const sum = await run(
      "sum",
      "-v",
      `${data}:/data`,
      "busybox",
      "sh",
      "-c",
      "wc -c < /data/large",
    );
    assertEquals(sum, `${8 << 20}\n`);
  });

  await t.step("the daemon ends with the VM", async () => {
    assertEquals((await daemons(bench)).length, 1);
    await podvisor("pod", "stop", "p");
    assertEquals(await daemons(bench), []);
    await podvisor("pod", "start", "p");
  });

  await t.step("it ends with a VM that is killed, too", async () => {
    const { vm } = JSON.parse(await podvisor("pod", "inspect", "p"));
    assert(vm.shareDaemon.pid > 0);
    Deno.kill(vm.process.pid, "SIGKILL");
    await eventually("virtiofsd ends", async () => (await daemons(bench)).length === 0);
    assertEquals(JSON.parse(await podvisor("pod", "inspect", "p")).state, "stopped");
  });

  await podvisor("pod", "rm", "p");
  await bench.assertNothingLeft();
});

Deno.test("a virtio-fs daemon whose command was killed is garbage", async () => {
  await using bench = await Bench.make();
  const child = bench.start(["run", "--share", "virtiofs", "busybox", "sleep", "1000"]);
  await eventually("virtiofsd starts", async () => (await daemons(bench)).length === 1);
  child.kill("SIGKILL");
  await child.output();
  assertEquals((await bench.podvisor(["gc"])).code, 0);
  await bench.assertNothingLeft();
});

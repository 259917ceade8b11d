import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Bench } from "../harness/podvisor.ts";

/** Runs podvisor to its end, which has to be a good one, and returns what it printed. */
async function done(bench: Bench, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await bench.podvisor(args);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

Deno.test("limits hold in the guest, change while a container runs, and a pod grows", async (t) => {
  await using bench = await Bench.make();
  const podvisor = (...args: string[]) => done(bench, ...args);
  const exec = (script: string) => podvisor("container", "exec", "a", "sh", "-c", script);
  const limits = () =>
    exec(
      "cd /sys/fs/cgroup; for f in cpu.weight cpu.max memory.max pids.max; do cat $f; done",
    );
  await podvisor("pod", "run", "--memory", "256M", "p");

  await t.step("limits of a new container are those of its cgroup", async () => {
    await podvisor(
      ...["container", "run", "-d", "--pod", "p", "--name", "a"],
      ...["--cpu-shares", "512", "--cpu-quota", "50000", "--memory-limit", "48M"],
      ...["--pids-limit", "20", "--shm-size", "1M", "--tmpfs", "/scratch:size=2M,mode=700"],
      ...["busybox", "sleep", "1000"],
    );
    assertEquals(await limits(), "20\n50000 100000\n50331648\n20\n");
  });

  await t.step("file systems in memory have the sizes and permissions asked for", async () => {
    assertEquals(
      await exec("df -k /scratch /dev/shm | awk 'NR > 1 { print $2, $6 }'; stat -c %a /scratch"),
      "2048 /scratch\n1024 /dev/shm\n700\n",
    );
  });

  await t.step("more processes than allowed cannot be started", async () => {
    const script = "for i in $(seq 30); do sleep 5 & done; true";
    const { stderr } = await bench.podvisor(["container", "exec", "a", "sh", "-c", script]);
    assertMatch(stderr, /can't fork/);
  });

  await t.step("a process that takes more memory than allowed is killed", async () => {
    const script = "dd if=/dev/zero of=/dev/null bs=100M count=1";
    const { code } = await bench.podvisor(["container", "exec", "a", "sh", "-c", script]);
    assert(code !== 0);
  });

  await t.step("an update changes what it names, and the record, and keeps the rest", async () => {
    const json = await podvisor(
      ...["container", "update", "--json", "--pids-limit", "30", "--memory-limit", "64M", "a"],
    );
    const { config } = JSON.parse(json);
    assertEquals([config.pids, config.memory, config.cpu.shares], [30, 64 << 20, 512]);
    assertEquals(await limits(), "20\n50000 100000\n67108864\n30\n");
  });

  await t.step("a limit that the kernel refuses is an error that names it", async () => {
    const args = ["container", "update", "--cpuset-cpus", "900", "a"];
    const { code, stderr } = await bench.podvisor(args);
    assertEquals(code, 125);
    assertStringIncludes(stderr, "Cannot limit the container: 900 for");
  });

  await t.step("processors and memory are added to the running pod and seen inside", async () => {
    const kilobytes = async () => Number(await exec("awk '/MemTotal/ { print $2 }' /proc/meminfo"));
    const before = await kilobytes();
    assertEquals((await exec("nproc")).trim(), "1");
    const json = await podvisor("pod", "update", "--cpus", "2", "--memory", "300M", "--json", "p");
    const { config } = JSON.parse(json);
    assertEquals([config.vcpus, config.memoryMiB], [2, 384]);
    assertEquals((await exec("nproc; cat /sys/devices/system/cpu/online")).trim(), "2\n0-1");
    assertEquals(await kilobytes(), before + 128 * 1024);
    assertEquals(await exec("taskset 2 true && echo ran"), "ran\n");
  });

  await t.step("a pod does not shrink, and does not grow beyond what its VM can have", async () => {
    const update = async (...options: string[]) =>
      (await bench.podvisor(["pod", "update", ...options, "p"])).stderr;
    assertMatch(await update("--cpus", "1"), /it has 2, and can only grow/);
    assertMatch(await update("--memory", "200M"), /it has 384, and can only grow/);
    assertMatch(await update("--cpus", "200"), /Cannot add 198 processors: the VM has 2/);
    assertMatch(await update("--memory", "9000G"), /Cannot add .* of memory to the VM/);
    assertMatch(await update(), /nothing is to change/);
    const { config } = JSON.parse(await podvisor("pod", "inspect", "p"));
    assertEquals([config.vcpus, config.memoryMiB], [2, 384]);
  });

  await t.step("a pod that can have one processor has no place for another", async () => {
    await podvisor("pod", "create", "one", "--max-cpus", "1");
    await podvisor("pod", "start", "one");
    const possible = ["cat", "/sys/devices/system/cpu/possible"];
    const run = ["container", "run", "--pod", "one", "--name", "c", "busybox"];
    assertEquals(await podvisor(...run, ...possible), "0\n");
    const { code, stderr } = await bench.podvisor(["pod", "update", "--cpus", "2", "one"]);
    assertEquals(code, 125);
    assertStringIncludes(stderr, "Cannot give the pod one 2 processors: it can have 1");
    const { config } = JSON.parse(await podvisor("pod", "inspect", "one"));
    assertEquals([config.vcpus, config.maxVcpus], [1, 1]);
    await podvisor("pod", "rm", "--force", "one");
  });

  await podvisor("pod", "rm", "--force", "p");
  await bench.assertNothingLeft();
});

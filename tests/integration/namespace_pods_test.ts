/** Pods in network namespaces that others have made. Needs root and iproute2. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Bench } from "../harness/podvisor.ts";
import { MAC, makePod } from "./network_pod.ts";
import { type Sandbox, settle } from "./network_sandbox.ts";

const SECOND_MAC = "02:00:00:00:aa:02";

/** Runs podvisor and expects it to succeed. */
async function must(bench: Bench, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await bench.podvisor(args);
  assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A second interface, with large packets, to the world outside. */
async function addSecond(pod: Sandbox, world: Sandbox): Promise<void> {
  await pod.run(
    `ip link add jumbo address ${SECOND_MAC} mtu 9000 type veth peer name peer1 mtu 9000;` +
      `ip link set peer1 netns ${world.path}; ip link set jumbo up; ip addr add 10.9.0.2/24 dev jumbo`,
  );
  await world.run(
    "ip link set peer1 up; ip addr add 10.9.0.1/24 dev peer1; ip link set lo up;" +
      "ip addr add 10.1.0.1/24 dev peer0; ip -6 addr add fd01::1/64 dev peer0 nodad",
  );
  await settle(pod, world);
}

for (const model of ["tcfilter", "macvtap", "bridged"]) {
  Deno.test(`a pod has the interfaces of its namespace, which is afterwards as it was (${model})`, async () => {
    await using scene = await makePod();
    const { pod, world } = scene;
    await addSecond(pod, world);
    await using bench = await Bench.make();
    const before = await pod.dump();
    const network = ["--network", `netns:${pod.path}`, "--network-model", model];
    await must(bench, "pod", "run", "p", ...network, "--cpus", "2");
    assert(JSON.stringify(await pod.dump()) !== JSON.stringify(before));
    const again = await bench.podvisor(["run", ...network, "busybox", "true"]);
    assertMatch(again.stderr, /is there already/);
    const served = world.run("echo from outside | busybox nc -l -p 80");
    const seen = await must(
      bench,
      ...["container", "run", "--pod", "p", "busybox", "sh", "-ec"],
      "ip addr; ip route; ip -6 route; cat /sys/class/net/eth0/mtu /sys/class/net/jumbo/mtu;" +
        "ping -c 1 10.1.0.1; ping -6 -c 1 fd01::1; ping -c 1 -s 8900 10.9.0.1;" +
        "until nc 10.9.0.1 80; do sleep 0.1; done",
    );
    await served;
    for (const text of [MAC, SECOND_MAC, "inet 10.1.0.2/24", "inet 10.1.0.3/24", "from outside"]) {
      assertStringIncludes(seen, text);
    }
    assertMatch(seen, /inet 10\.9\.0\.2\/24/);
    assertMatch(seen, /inet6 fd01::2\/64/);
    assertMatch(seen, /default via 169\.254\.1\.1 dev eth0/);
    assertMatch(seen, /10\.20\.0\.0\/16 via 10\.1\.0\.1 dev eth0.* metric 7/);
    assertMatch(seen, /10\.20\.0\.0\/16 via 10\.1\.0\.9 dev eth0.* metric 9/);
    assertMatch(seen, /10\.23\.0\.0\/16 via 1\.2\.3\.4 dev eth0.*onlink/);
    assertMatch(seen, /default via fd01::1 dev eth0/);
    assertMatch(seen, /^1400\n9000$/m);
    assertEquals(seen.match(/ 0% packet loss/g)?.length, 3);
    await must(bench, "pod", "stop", "p");
    await settle(pod);
    assertEquals(await pod.dump(), before);
    await must(bench, "pod", "rm", "p");
    await bench.assertNothingLeft();
  });
}

Deno.test("a namespace is as it was after a start that failed, and after kill -9", async () => {
  await using scene = await makePod();
  const { pod } = scene;
  await using bench = await Bench.make();
  const before = await pod.dump();
  const network = ["--network", `netns:${pod.path}`];
  const failed = await bench.podvisor(["run", ...network, "busybox", "true"], {
    env: { PODVISOR_QEMU: "/bin/false" },
  });
  assertEquals(failed.code, 125);
  await settle(pod);
  assertEquals(await pod.dump(), before);
  await must(bench, "pod", "run", "p", ...network);
  for (const each of await bench.leftovers()) {
    const [, pid] = /^process (\d+): /.exec(each) ?? [];
    if (pid) Deno.kill(Number(pid), "SIGKILL");
  }
  await must(bench, "pod", "rm", "--force", "p");
  await bench.assertNothingLeft();
  await settle(pod);
  assertEquals(await pod.dump(), before);
});

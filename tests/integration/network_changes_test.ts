/** Interfaces and routes that come and go while a pod runs. Needs root and iproute2. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Bench, eventually } from "../harness/podvisor.ts";
import { makePod } from "./network_pod.ts";
import { makeSandbox, type Sandbox, settle } from "./network_sandbox.ts";

/** Runs podvisor and expects it to succeed. */
async function must(bench: Bench, args: readonly string[], namespace?: string): Promise<string> {
  const options = namespace === undefined ? {} : { namespace };
  const { code, stdout, stderr } = await bench.podvisor(args, options);
  assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A second interface, with large packets, to the world outside. */
async function addJumbo(pod: Sandbox, world: Sandbox): Promise<void> {
  await pod.run(
    "ip link add jumbo address 02:00:00:00:aa:02 mtu 9000 type veth peer name peer1 mtu 9000;" +
      `ip link set peer1 netns ${world.path}; ip link set jumbo up;` +
      "ip addr add 10.9.0.2/24 dev jumbo; ip -6 addr add fd09::2/64 dev jumbo nodad;" +
      "ip route add 10.30.0.0/16 via 10.9.0.1 metric 5",
  );
  await world.run(
    "ip link set peer1 up; ip addr add 10.9.0.1/24 dev peer1; ip link set lo up;" +
      "ip -6 addr add fd09::1/64 dev peer1 nodad; ip addr add 10.31.0.1/32 dev lo",
  );
  await settle(pod, world);
}

for (const model of ["tcfilter", "macvtap", "bridged"]) {
  Deno.test(`an interface of the namespace and routes come to a running pod and go again (${model})`, async () => {
    await using scene = await makePod();
    const { pod, world } = scene;
    await using bench = await Bench.make();
    const network = ["--network", `netns:${pod.path}`];
    await must(bench, ["pod", "run", "p", ...network, "--cpus", "2"]);
    await addJumbo(pod, world);
    const before = await pod.dump();
    const route = ["--route", "10.31.0.0/16,via=10.9.0.1,dev=jumbo,metric=9"];
    const options = ["--interface", "jumbo", "--network-model", model, ...route, "--json"];
    const added = JSON.parse(await must(bench, ["network", "add", ...options, "p"]));
    assertEquals(added.interfaces[1], {
      name: "jumbo",
      mac: "02:00:00:00:aa:02",
      mtu: 9000,
      addresses: ["10.9.0.2/24", "fd09::2/64"],
      network: `netns:${pod.path}`,
    });
    const inPod = (command: string) =>
      must(bench, ["container", "run", "--pod", "p", "busybox", "sh", "-c", command]);
    const seen = await inPod(
      "ip addr show jumbo; ip route; ping -c 1 -s 8900 10.9.0.1; ping -6 -c 1 fd09::1; ping -c 1 10.31.0.1",
    );
    assertEquals(seen.match(/ 0% packet loss/g)?.length, 3, seen);
    assertMatch(seen, /mtu 9000/);
    assertMatch(seen, /10\.30\.0\.0\/16 via 10\.9\.0\.1 dev jumbo.* metric 5/);
    assertMatch(seen, /10\.31\.0\.0\/16 via 10\.9\.0\.1 dev jumbo.* metric 9/);
    const listed = await must(bench, ["network", "list", "p"]);
    assertMatch(listed, /^jumbo +02:00:00:00:aa:02 +9000 +10\.9\.0\.2\/24,fd09::2\/64 +netns:/m);
    assertMatch(listed, /^10\.31\.0\.0\/16 +10\.9\.0\.1 +jumbo +9$/m);
    await must(bench, ["network", "rm", ...route, "p"]);
    assert(!(await inPod("ip route")).includes("10.31.0.0/16"));
    await must(bench, ["network", "rm", "--interface", "jumbo", "p"]);
    assert(!(await inPod("ip addr; ip route")).includes("jumbo"));
    await settle(pod);
    assertEquals(await pod.dump(), before);
    const { interfaces, routes } = JSON.parse(
      await must(bench, ["network", "list", "--json", "p"]),
    );
    assertEquals(interfaces.map(({ name }: { name: string }) => name), ["eth0"]);
    assert(!JSON.stringify(routes).includes("jumbo"));
    await must(bench, ["network", "add", "--interface", "jumbo", "--network-model", model, "p"]);
    await must(bench, ["network", "rm", "--interface", "eth0", "p"]);
    assertMatch(await inPod("ping -c 1 10.9.0.1; ip link"), / 0% packet loss[^]*jumbo/);
    await must(bench, ["pod", "rm", "--force", "p"]);
    await settle(pod);
    const after = await pod.dump();
    assertEquals(after["ip -j -d addr"], before["ip -j -d addr"]?.filter(isNoTap));
    await bench.assertNothingLeft();
  });
}

/** The pod's first interface was connected when the dump was made. */
function isNoTap({ ifname }: Record<string, unknown>): boolean {
  return !/^pv/.test(String(ifname));
}

Deno.test("what cannot be added or taken is refused, and the pod is as before", async () => {
  await using scene = await makePod();
  const { pod } = scene;
  await using bench = await Bench.make();
  await must(bench, ["pod", "run", "p", "--network", `netns:${pod.path}`]);
  const before = await pod.dump();
  const listed = await must(bench, ["network", "list", "--json", "p"]);
  const refused: [string[], string][] = [
    [["add", "p"], "nothing is to change"],
    [["add", "--interface", "none0", "p"], "there is none in "],
    [["add", "--interface", "eth0", "p"], "it has one of that name"],
    [["add", "--ip", "10.0.0.1/8", "p"], "it goes with --bridge"],
    [["add", "--bridge", "none0", "p"], "there is none of that name"],
    [["add", "--bridge", "lo", "--interface", "a/b", "p"], "no link can have this name"],
    [["add", "--route", "10.0.0.0/8,dev=none0", "p"], "no network interface none0"],
    [["add", "--route", "10.0.0.0/8,via=x", "p"], "is no IP address"],
    [["rm", "--route", "10.77.0.0/16,dev=eth0", "p"], "no such process"],
    [["rm", "--interface", "lo", "p"], "it has none of that name"],
    [["list", "nobody"], "Cannot find the pod nobody"],
  ];
  for (const [args, text] of refused) {
    const { code, stderr } = await bench.podvisor(["network", ...args]);
    assertEquals(code, 125, args.join(" "));
    assertStringIncludes(stderr, text);
  }
  assertEquals(await must(bench, ["network", "list", "--json", "p"]), listed);
  assertEquals(await pod.dump(), before);
  await must(bench, ["pod", "stop", "p"]);
  assertEquals(JSON.parse(await must(bench, ["network", "list", "--json", "p"])), {
    interfaces: [],
    routes: [],
  });
  const late = await bench.podvisor(["network", "add", "--interface", "eth0", "p"]);
  assertStringIncludes(late.stderr, "the pod p is stopped");
  await must(bench, ["pod", "rm", "p"]);
  await bench.assertNothingLeft();
});

/** Kills a command some milliseconds after it has written down what it is about to do. */
async function killWhileAdding(bench: Bench, record: string, delay: number): Promise<void> {
  const child = bench.start(["network", "add", "--interface", "jumbo", "p"]);
  await eventually("it is written down", () => Deno.readTextFileSync(record).includes('"jumbo"'));
  await new Promise((resolve) => setTimeout(resolve, delay));
  const status = child.output();
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It was quicker.
    if (!(error instanceof TypeError)) throw error;
  }
  await status;
}

Deno.test("a command that is killed while it adds leaves nothing that is not taken away later", async () => {
  await using scene = await makePod();
  const { pod, world } = scene;
  await using bench = await Bench.make();
  const before = await pod.dump();
  await must(bench, ["pod", "run", "p", "--network", `netns:${pod.path}`]);
  await addJumbo(pod, world);
  const connected = await pod.dump();
  const record = join(bench.state, "pods", "p", "network.json");
  for (const delay of [0, 20, 60, 120]) {
    await killWhileAdding(bench, record, delay);
    await must(bench, ["network", "rm", "--interface", "jumbo", "p"]);
    await settle(pod);
    assertEquals(await pod.dump(), connected);
  }
  await killWhileAdding(bench, record, 60);
  await must(bench, ["pod", "rm", "--force", "p"]);
  await bench.assertNothingLeft();
  await pod.run("ip link del jumbo");
  await settle(pod);
  assertEquals(await pod.dump(), before);
});

Deno.test("a pod behind QEMU's gateway gets places at bridges, and keeps its way out", async () => {
  await using host = await makeSandbox();
  await using bench = await Bench.make();
  await host.run(
    "ip link set lo up; ip link add br0 address 02:00:00:00:88:01 type bridge; ip link set br0 up;" +
      "ip addr add 10.88.0.1/24 dev br0; ip addr add fd88::1/64 dev br0 nodad",
  );
  const inHost = (...args: string[]) => must(bench, args, host.path);
  const before = await host.run("ip -o link | cut -d' ' -f2; ip -o -4 addr; bridge link");
  await inHost("pod", "run", "p", "--network", "user");
  await inHost("network", "add", "--bridge", "br0", "p");
  await inHost(
    "network",
    "add",
    "--bridge",
    "br0",
    "--interface",
    "more",
    "--ip",
    "10.88.0.9/24",
    "p",
  );
  const seen = await inHost(
    ...["container", "run", "--pod", "p", "busybox", "sh", "-c"],
    "ip addr; ip route; ping -c 1 10.88.0.1; ping -6 -c 1 fd88::1",
  );
  assertMatch(seen, /eth1[^]*inet 10\.88\.0\.2\/24[^]*more[^]*inet 10\.88\.0\.9\/24/);
  assertMatch(seen, /default via 10\.0\.2\.2 dev eth0/);
  assertEquals(seen.match(/default/g)?.length, 1);
  assertEquals(seen.match(/ 0% packet loss/g)?.length, 2);
  assertMatch(await inHost("network", "list", "p"), /^eth1 .*bridge:br0$/m);
  await inHost("network", "rm", "--interface", "more", "--interface", "eth1", "p");
  assertEquals(await host.run("ip -o link | cut -d' ' -f2; ip -o -4 addr; bridge link"), before);
  await inHost("network", "add", "--bridge", "br0", "p");
  await inHost("pod", "rm", "--force", "p");
  await bench.assertNothingLeft();
  assertEquals(await host.run("ip -o link | cut -d' ' -f2; ip -o -4 addr; bridge link"), before);
});

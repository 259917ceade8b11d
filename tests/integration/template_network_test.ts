/** Pods whose network card was in their template. Needs root and iproute2. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TEMPLATE_MAC } from "../../lib/hypervisor/mod.ts";
import { parseMac } from "../../lib/network/mod.ts";
import { getLink, NetlinkSocket } from "../../lib/network/mod.ts";
import { readSome } from "../../lib/sys/mod.ts";
import { TemplateBench } from "../harness/template_bench.ts";
import { openLink } from "./network_frames.ts";
import { makePod } from "./network_pod.ts";
import { makeSandbox, settle } from "./network_sandbox.ts";

Deno.test("pods are restored with a card that becomes their own", async (t) => {
  await using bench = await TemplateBench.make();
  await using host = await makeSandbox();
  await host.run(
    "ip link set lo up; ip link add br0 address 02:00:00:00:88:01 type bridge;" +
      "ip link set br0 addrgenmode none; ip link set br0 up; ip link set br0 mtu 1400;" +
      "ip addr add 10.88.0.1/24 dev br0; ip addr add fd88::1/64 dev br0 nodad",
  );
  const env = { ...bench.env(), PODVISOR_SPARES: "" };
  const must = async (...args: string[]) => {
    const done = await bench.bench.podvisor(args, { env, namespace: host.path });
    assertEquals(done.code, 0, `${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
  const inPod = (pod: string, script: string) =>
    must("container", "run", "--pod", pod, "busybox", "sh", "-ec", script);

  await t.step("their template is made without the bridge, and told of as what it is", async () => {
    await bench.done("template", "build", "--network", "bridge:elsewhere");
    const [key] = await bench.keys();
    const { network } = JSON.parse(await bench.done("template", "inspect", key!));
    assertEquals(network, "card");
    assertMatch(await bench.done("template", "list"), / card /);
  });

  await t.step("two of one template reach each other, and no frame has its address", async () => {
    using socket = NetlinkSocket.open(host.namespace);
    const port = openLink(host.namespace, getLink(socket, "br0").index);
    using _port = port.descriptor;
    const [key] = await bench.keys();
    for (const pod of ["one", "two"]) await must("pod", "run", pod, "--network", "bridge:br0");
    for (const pod of ["one", "two"]) assertEquals(await bench.origin(pod), key);
    await inPod("one", "ping -c 1 10.88.0.3; ping -6 -c 1 fd88::3; ping -c 1 10.88.0.1");
    await inPod("two", "ping -c 1 10.88.0.2; ping -6 -c 1 fd88::2; ping -c 1 -s 1300 10.88.0.1");
    const macs = await Promise.all(["one", "two"].map(async (pod) => {
      const [told] = JSON.parse(await must("network", "list", "--json", pod)).interfaces;
      const seen = await inPod(pod, "cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu");
      assertEquals(seen, `${told.mac}\n1400\n`);
      return told.mac as string;
    }));
    const senders = await sendersOf(port.descriptor.number);
    for (const mac of macs) assert(senders.has(mac), `${mac} is not among ${[...senders]}`);
    assert(!senders.has(TEMPLATE_MAC));
    assertEquals(new Set([...macs, TEMPLATE_MAC]).size, 3);
    const own = await inPod("one", "ip -6 addr show dev eth0 scope link");
    assertStringIncludes(own, linkLocal(macs[0]!));
  });

  await t.step("the card leaves, and another one comes", async () => {
    await must("network", "rm", "--interface", "eth0", "two");
    assertEquals((await inPod("two", "ls /sys/class/net")).trim(), "lo");
    await must("network", "add", "--bridge", "br0", "two");
    await inPod("two", "ping -c 1 10.88.0.2");
    await must("network", "add", "--bridge", "br0", "one");
    assertMatch(await inPod("one", "ip addr"), /inet 10\.88\.0\.\d+\/24 .* eth1/);
    await must("pod", "rm", "--force", "one", "two");
  });

  for (const model of ["tcfilter", "macvtap", "bridged"]) {
    await t.step(`interfaces of a namespace of any MTU, several of them (${model})`, async () => {
      await using scene = await makePod();
      const { pod, world } = scene;
      await pod.run(
        "ip link add jumbo address 02:00:00:00:aa:02 mtu 9000 type veth peer name peer1 mtu 9000;" +
          `ip link set peer1 netns ${world.path}; ip link set jumbo up;` +
          "ip addr add 10.9.0.2/24 dev jumbo",
      );
      await world.run(
        "ip link set peer1 up; ip addr add 10.9.0.1/24 dev peer1; ip addr add 10.1.0.1/24 dev peer0",
      );
      await settle(pod, world);
      const before = await pod.dump();
      const network = ["--network", `netns:${pod.path}`, "--network-model", model];
      await must("pod", "run", "n", ...network);
      assertEquals(await bench.origin("n"), (await bench.keys())[0]);
      const seen = await inPod(
        "n",
        "cat /sys/class/net/eth0/mtu /sys/class/net/jumbo/mtu;" +
          "ping -c 1 10.1.0.1; ping -c 1 -s 8900 10.9.0.1",
      );
      assertMatch(seen, /^1400\n9000$/m);
      assertEquals(seen.match(/ 0% packet loss/g)?.length, 2);
      await must("pod", "rm", "--force", "n");
      await settle(pod);
      assertEquals(await pod.dump(), before);
    });
  }

  await t.step(
    "the first interface has its own name, and its link-local address soon",
    async () => {
      await using pod = await makeSandbox();
      await pod.run(
        "ip link add lan0 address 06:11:22:33:44:55 mtu 1300 type veth peer name far0;" +
          "ip link set far0 addrgenmode none; ip link set far0 up; ip link set lan0 up;" +
          "ip addr add 10.9.0.2/24 dev lan0; ip route add default via 10.9.0.1",
      );
      using socket = NetlinkSocket.open(pod.namespace);
      const far = openLink(pod.namespace, getLink(socket, "far0").index);
      using _far = far.descriptor;
      const [key] = await bench.keys();
      for (const round of [1, 2]) {
        await must("pod", "run", "own", "--network", `netns:${pod.path}`);
        assertEquals(await bench.origin("own"), key);
        const seen = await inPod(
          "own",
          "ls /sys/class/net; cat /sys/class/net/lan0/address /sys/class/net/lan0/mtu; ip route;" +
            `for try in $(seq 50); do ip -6 addr show dev lan0 | grep fe80 && break; sleep 0.1; done`,
        );
        assertMatch(seen, /^lan0\nlo\n06:11:22:33:44:55\n1300\ndefault via 10\.9\.0\.1 dev lan0/);
        assertMatch(seen, /^10\.9\.0\.0\/24 dev lan0 .*src 10\.9\.0\.2/m);
        assertStringIncludes(seen, linkLocal("06:11:22:33:44:55"));
        if (round === 1) await must("pod", "stop", "own");
        await must("pod", "rm", "--force", "own");
      }
      const senders = await sendersOf(far.descriptor.number);
      assert(senders.has("06:11:22:33:44:55"));
      assert(!senders.has(TEMPLATE_MAC));
    },
  );

  await t.step("a network that cannot be connected is no fault of the restored VM", async () => {
    await using scene = await makePod();
    const { pod } = scene;
    await pod.run("tc qdisc add dev eth0 clsact");
    const args = ["run", "--network", `netns:${pod.path}`, "busybox", "true"];
    const { code, stderr } = await bench.bench.podvisor(args, { env, namespace: host.path });
    assertEquals([code, stderr], [
      125,
      "podvisor: Cannot connect interface eth0 to the VM: it has clsact filters of its own\n" +
      "  use the macvtap or bridged model\n",
    ]);
  });

  await t.step("the first card may have large packets", async () => {
    await host.run("ip link set br0 mtu 9000");
    const args = ["run", "--network", "bridge:br0", "busybox", "sh", "-ec"];
    const script = "cat /sys/class/net/eth0/mtu; ping -c 1 -s 8900 10.88.0.1";
    assertMatch(await must(...args, script), /^9000\n[^]* 0% packet loss/);
  });

  await bench.bench.assertNothingLeft();
});

/** Hardware addresses that frames were sent from, by all that has come in. */
async function sendersOf(descriptor: number): Promise<Set<string>> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const memory = new Uint8Array(65536);
  const senders = new Set<string>();
  while (readSome(descriptor, memory) > 0) {
    const bytes = [...memory.subarray(6, 12)];
    senders.add(bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":"));
  }
  return senders;
}

/** The part of a link-local address that comes of a hardware address (RFC 4291, appendix A), as ip shows it. */
function linkLocal(mac: string): string {
  const [a, b, c, d, e, f] = [...parseMac(mac)] as [number, number, number, number, number, number];
  const words = [(a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f];
  return `fe80::${words.map((word) => word.toString(16)).join(":")}`;
}

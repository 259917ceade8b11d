/** Interfaces connected to taps, and their undoing, in namespaces of the tests' own. Needs root and iproute2. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../lib/failure.ts";
import {
  attachEndpoint,
  deleteLink,
  detachEndpoint,
  type EndpointRecord,
  getLink,
  listNeighbours,
  NEIGHBOUR_STATES,
  NetlinkSocket,
  parseIp,
  setLink,
} from "../../lib/network/mod.ts";
import { AF_INET, AF_INET6, openSocketIn, sendDatagram, SOCK_DGRAM } from "../../lib/sys/mod.ts";
import { openLink, receiveFrames, sendFrame, tapPort } from "./network_frames.ts";
import { type Sandbox } from "./network_sandbox.ts";
import { assertUndone, MAC, makePod, MODELS, PEER, plan } from "./network_pod.ts";

/** As it comes back from a file. */
function stored(record: EndpointRecord): EndpointRecord {
  return JSON.parse(JSON.stringify(record));
}

/** Which of these addresses somebody answers for, by ARP and neighbour discovery. */
async function answered(world: Sandbox, addresses: string[]): Promise<string[]> {
  await world.run("ip neigh flush dev peer0");
  using four = openSocketIn(world.namespace, AF_INET, SOCK_DGRAM);
  using six = openSocketIn(world.namespace, AF_INET6, SOCK_DGRAM);
  for (const address of addresses) {
    const bytes = parseIp(address);
    // struct sockaddr_in: family, port, address; struct sockaddr_in6 has flow information before the address.
    const to = new Uint8Array(bytes.length === 4 ? 16 : 28);
    to.set([bytes.length === 4 ? AF_INET : AF_INET6, 0, 0, 9]);
    to.set(bytes, bytes.length === 4 ? 4 : 8);
    sendDatagram(bytes.length === 4 ? four : six, new Uint8Array(1), to);
  }
  using socket = NetlinkSocket.open(world.namespace);
  for (let tries = 0; tries < 400; tries++) {
    const known = listNeighbours(socket).filter(({ address }) => addresses.includes(address));
    const open = known.filter(({ state }) => state & NEIGHBOUR_STATES.incomplete);
    if (open.length === 0) {
      const macs = new Map(known.map(({ address, mac }) => [address, mac]));
      return addresses.filter((address) => macs.get(address));
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("Cannot tell who answers: the kernel is still asking");
}

for (const model of MODELS) {
  Deno.test(`${model}: frames pass both ways and the VM has the interface's address`, async () => {
    await using both = await makePod();
    const { pod, world } = both;
    using endpoint = attachEndpoint(pod.namespace, plan(pod, model));
    assertEquals([endpoint.mac, endpoint.mtu, endpoint.queues.length], [MAC, 1400, 1]);
    const vm = tapPort(endpoint.queues[0]!);
    using socket = NetlinkSocket.open(world.namespace);
    const outside = openLink(world.namespace, getLink(socket, "peer0").index);
    using _closed = outside.descriptor;
    sendFrame(outside, MAC, PEER, "to the VM");
    assert((await receiveFrames([vm], "to the VM")).includes("to the VM"));
    sendFrame(outside, "ff:ff:ff:ff:ff:ff", PEER, "to all");
    assert((await receiveFrames([vm], "to all")).includes("to all"));
    sendFrame(vm, PEER, MAC, "from the VM");
    assert((await receiveFrames([outside], "from the VM")).includes("from the VM"));
    detachEndpoint(pod.namespace, endpoint.record);
  });

  Deno.test(`${model}: nobody but the VM answers for the pod's addresses`, async () => {
    await using both = await makePod();
    const { pod, world } = both;
    await world.run(
      "ip addr add 10.1.0.200/24 dev peer0; ip addr add fd01::200/64 dev peer0 nodad; " +
        "for t in arp_cache ndisc_cache; do ip ntable change name $t dev peer0 retrans 50; done",
    );
    const addresses = ["10.1.0.2", "10.1.0.3", "fd01::2"];
    assertEquals(await answered(world, addresses), addresses);
    using endpoint = attachEndpoint(pod.namespace, plan(pod, model));
    assertEquals(await answered(world, addresses), []);
    detachEndpoint(pod.namespace, endpoint.record);
    assertEquals(await answered(world, addresses), addresses);
  });

  Deno.test(`${model}: afterwards the namespace is as it was`, async () => {
    await using both = await makePod();
    const { pod } = both;
    const before = await pod.dump();
    const record = plan(pod, model);
    const endpoint = attachEndpoint(pod.namespace, record);
    assert(JSON.stringify(await pod.dump()) !== JSON.stringify(before));
    detachEndpoint(pod.namespace, record);
    endpoint[Symbol.dispose]();
    await assertUndone(pod, before);
    detachEndpoint(pod.namespace, record);
    await assertUndone(pod, before);
  });

  Deno.test(`${model}: after a crash the stored record is enough to undo it`, async () => {
    await using both = await makePod();
    const { pod } = both;
    const before = await pod.dump();
    const record = stored(plan(pod, model));
    // The process is gone, and its descriptors with it.
    attachEndpoint(pod.namespace, record)[Symbol.dispose]();
    detachEndpoint(pod.namespace, stored(record));
    await assertUndone(pod, before);
  });

  Deno.test(`${model}: an interface that was down is down again`, async () => {
    await using both = await makePod();
    const { pod } = both;
    {
      using socket = NetlinkSocket.open(pod.namespace);
      setLink(socket, getLink(socket, "eth0"), { up: false });
    }
    const before = await pod.dump();
    const record = plan(pod, model);
    const endpoint = attachEndpoint(pod.namespace, record);
    const [eth0] = await pod.json("ip -j link show eth0");
    assert((eth0!.flags as string[]).includes("UP"));
    endpoint[Symbol.dispose]();
    detachEndpoint(pod.namespace, record);
    await assertUndone(pod, before);
  });

  Deno.test(`${model}: who is second changes nothing`, async () => {
    await using both = await makePod();
    const { pod } = both;
    const [first, second] = [plan(pod, model), plan(pod, model)];
    using endpoint = attachEndpoint(pod.namespace, first);
    const picture = () => pod.run("ip addr; tc qdisc; ip route");
    // Carriers come up a moment late.
    const still = async () => (await picture()).replace(/ (state|qlen) .*|[<][^>]*[>]/g, "");
    const before = await still();
    assertThrows(() => attachEndpoint(pod.namespace, second), Failure, "is there already");
    assertEquals(await still(), before);
    detachEndpoint(pod.namespace, endpoint.record);
  });

  Deno.test(`${model}: an interface that has gone leaves nothing to be undone`, async () => {
    await using both = await makePod();
    const { pod } = both;
    const record = plan(pod, model);
    const endpoint = attachEndpoint(pod.namespace, record);
    using socket = NetlinkSocket.open(pod.namespace);
    deleteLink(socket, getLink(socket, "eth0"));
    endpoint[Symbol.dispose]();
    detachEndpoint(socket, record);
    assertEquals((await pod.json("ip -j link")).map(({ ifname }) => ifname), ["lo"]);
  });

  Deno.test(`${model}: four queues are four ways into one device`, async () => {
    await using both = await makePod();
    const { pod, world } = both;
    using endpoint = attachEndpoint(pod.namespace, plan(pod, model), { queues: 4 });
    assertEquals(endpoint.queues.length, 4);
    using socket = NetlinkSocket.open(world.namespace);
    const outside = openLink(world.namespace, getLink(socket, "peer0").index);
    using _closed = outside.descriptor;
    const ports = endpoint.queues.map(tapPort);
    for (const [at, port] of ports.entries()) {
      sendFrame(port, PEER, MAC, `queue ${at}`);
      assert((await receiveFrames([outside], `queue ${at}`)).includes(`queue ${at}`));
    }
    sendFrame(outside, MAC, PEER, "to any");
    assert((await receiveFrames(ports, "to any")).includes("to any"));
    detachEndpoint(pod.namespace, endpoint.record);
  });

  Deno.test(`${model}: a connected interface is not connected twice`, async () => {
    await using both = await makePod();
    const { pod } = both;
    using endpoint = attachEndpoint(pod.namespace, plan(pod, model));
    const again = assertThrows(() => plan(pod, model), Failure);
    assert(/is there already|belongs to a bridge/.test(again.message), again.message);
    detachEndpoint(pod.namespace, endpoint.record);
  });
}

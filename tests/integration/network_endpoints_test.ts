/** Interfaces connected to taps, and their undoing, in namespaces of the tests' own. Needs root and iproute2. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../lib/failure.ts";
import {
  addAddress,
  addIngress,
  addLink,
  addNeighbour,
  ADDRESS_FLAGS,
  addRoute,
  attachEndpoint,
  captureLink,
  chooseEndpoints,
  deleteLink,
  detachEndpoint,
  type EndpointRecord,
  getLink,
  hostFacts,
  type InterworkingModel,
  listIngressFilters,
  listNeighbours,
  NEIGHBOUR_STATES,
  NetlinkError,
  NetlinkSocket,
  parseIp,
  planEndpoint,
  redirectIngress,
  returnCard,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import {
  AF_INET,
  AF_INET6,
  openSocketIn,
  openTap,
  sendDatagram,
  SOCK_DGRAM,
} from "../../lib/sys/mod.ts";
import { openLink, receiveFrames, sendFrame, tapPort } from "./network_frames.ts";
import { makeSandbox, type Sandbox, settle } from "./network_sandbox.ts";

const MAC = "02:00:00:00:aa:01", PEER = "02:00:00:00:bb:01";
const MODELS: InterworkingModel[] = ["tcfilter", "macvtap", "bridged"];

/** A pod's namespace with one interface, whose other end is in a second namespace. */
async function makePod(): Promise<{ pod: Sandbox; world: Sandbox } & AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const pod = undo.use(await makeSandbox());
  const world = undo.use(await makeSandbox());
  using inPod = NetlinkSocket.open(pod.namespace);
  using outside = NetlinkSocket.open(world.namespace);
  addLink(inPod, {
    kind: "veth",
    name: "eth0",
    mac: MAC,
    mtu: 1400,
    peer: { name: "peer0", mac: PEER, mtu: 1400, namespace: world.namespace },
  });
  setLink(outside, getLink(outside, "peer0"), { up: true });
  const eth0 = getLink(inPod, "eth0");
  setLink(inPod, eth0, { up: true });
  setLink(inPod, getLink(inPod, "lo"), { up: true });
  furnish(inPod, eth0.index);
  await settle(pod, world);
  const kept = undo.move();
  return { pod, world, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Addresses, routes and neighbours of many kinds. */
function furnish(socket: NetlinkSocket, link: number): void {
  const eth0 = { index: link, name: "eth0" };
  addAddress(socket, eth0, { address: "10.1.0.2", prefixLength: 24, broadcast: "10.1.0.255" });
  addAddress(socket, eth0, { address: "10.1.0.3", prefixLength: 24, label: "eth0:1" });
  addAddress(socket, eth0, { address: "10.7.0.2", prefixLength: 32, peer: "10.7.0.1" });
  for (const address of ["fd01::2", "fd01::3"]) {
    const flags = ADDRESS_FLAGS.NODAD;
    addAddress(socket, eth0, { address, prefixLength: 64, flags, metric: 300 });
  }
  const [four, six] = [{ link, gateway: "10.1.0.1" }, { link, gateway: "fd01::1" }];
  addRoute(socket, { destination: "169.254.1.1/32", hops: [{ link }] });
  addRoute(socket, { destination: "0.0.0.0/0", hops: [{ link, gateway: "169.254.1.1" }] });
  addRoute(socket, { destination: "10.20.0.0/16", hops: [four], metric: 7, mtu: 1300 });
  addRoute(socket, {
    destination: "10.20.0.0/16",
    hops: [{ link, gateway: "10.1.0.9" }],
    metric: 9,
  });
  addRoute(socket, { destination: "10.21.0.0/16", hops: [four], table: 1000, source: "10.1.0.3" });
  addRoute(socket, { destination: "10.22.0.0/16", hops: [four, { link, gateway: "10.1.0.4" }] });
  addRoute(socket, {
    destination: "10.23.0.0/16",
    hops: [{ ...four, gateway: "1.2.3.4", onlink: true }],
  });
  addRoute(socket, { destination: "10.24.0.0/16", hops: [six] });
  addRoute(socket, { destination: "::/0", hops: [six] });
  addRoute(socket, {
    destination: "fd22::/32",
    hops: [six, { link, gateway: "fd01::9", weight: 3 }],
  });
  addNeighbour(socket, eth0, { address: "10.1.0.1", mac: PEER });
  addNeighbour(socket, eth0, { address: "fd01::1", mac: PEER });
}

function plan(pod: Sandbox, model: InterworkingModel): EndpointRecord {
  using socket = NetlinkSocket.open(pod.namespace);
  return planEndpoint(socket, getLink(socket, "eth0"), model);
}

/** As it comes back from a file. */
function stored(record: EndpointRecord): EndpointRecord {
  return JSON.parse(JSON.stringify(record));
}

async function assertUndone(pod: Sandbox, before: unknown): Promise<void> {
  await settle(pod);
  assertEquals(await pod.dump() as unknown, before);
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

Deno.test("bridged: a failure half way is undone", async () => {
  await using both = await makePod();
  const { pod } = both;
  const before = await pod.dump();
  const record = plan(pod, "bridged");
  using socket = NetlinkSocket.open(pod.namespace);
  addLink(socket, { kind: "veth", name: "x0", peer: { name: record.bridge } });
  assertThrows(() => attachEndpoint(pod.namespace, record), NetlinkError, "(EEXIST)");
  await assertUndone(pod, before);
});

Deno.test("tcfilter: a failure half way is undone", async () => {
  await using both = await makePod();
  const { pod } = both;
  const record = plan(pod, "tcfilter");
  using socket = NetlinkSocket.open(pod.namespace);
  addIngress(socket, getLink(socket, "eth0"), "clsact");
  const before = await pod.dump();
  assertThrows(() => attachEndpoint(pod.namespace, record), NetlinkError, "(EEXIST)");
  await assertUndone(pod, before);
});

Deno.test("tcfilter: an interface with filters of its own is refused", async () => {
  await using both = await makePod();
  const { pod } = both;
  using socket = NetlinkSocket.open(pod.namespace);
  addIngress(socket, getLink(socket, "eth0"), "clsact");
  assertThrows(() => plan(pod, "tcfilter"), Failure, "it has clsact filters of its own");
});

Deno.test("tcfilter: filters that somebody else added meanwhile stay", async () => {
  await using both = await makePod();
  const { pod } = both;
  const record = plan(pod, "tcfilter");
  using _endpoint = attachEndpoint(pod.namespace, record);
  using socket = NetlinkSocket.open(pod.namespace);
  addLink(socket, { kind: "veth", name: "x0", peer: { name: "x1" } });
  const [eth0, x0] = [getLink(socket, "eth0"), getLink(socket, "x0")];
  redirectIngress(socket, eth0, x0);
  detachEndpoint(socket, record);
  assertEquals(listIngressFilters(socket, eth0).map(({ redirect }) => redirect), [x0.index]);
});

Deno.test("The model none changes nothing and has no tap", async () => {
  await using both = await makePod();
  const { pod } = both;
  const before = await pod.dump();
  using endpoint = attachEndpoint(pod.namespace, plan(pod, "none"));
  assertEquals(endpoint.queues, []);
  await assertUndone(pod, before);
});

Deno.test("What carries no Ethernet frames, and ports of bridges, are refused", async () => {
  await using both = await makePod();
  const { pod } = both;
  using socket = NetlinkSocket.open(pod.namespace);
  const [lo, eth0] = [getLink(socket, "lo"), getLink(socket, "eth0")];
  assertThrows(() => planEndpoint(socket, lo, "tcfilter"), Failure, "no Ethernet frames");
  addLink(socket, { kind: "bridge", name: "br0" });
  setLink(socket, eth0, { master: getLink(socket, "br0").index });
  assertThrows(() => plan(pod, "macvtap"), Failure, "belongs to a bridge");
});

Deno.test("The number of queues has bounds", async () => {
  await using both = await makePod();
  const { pod } = both;
  const record = plan(pod, "tcfilter");
  for (const queues of [0, 65, 1.5]) {
    assertThrows(() => attachEndpoint(pod.namespace, record, { queues }), RangeError);
  }
  assertThrows(
    () => openTap(pod.namespace, { name: "a-name-too-long-", queues: 1, vnetHeader: true }),
    TypeError,
    "the name is too long",
  );
  using socket = NetlinkSocket.open(pod.namespace);
  assertThrows(() => getLink(socket, record.tap), NetlinkError, "(ENODEV)");
});

Deno.test("tcfilter: an interface that has another's number by now is left alone", async () => {
  await using both = await makePod();
  const { pod } = both;
  const record = plan(pod, "tcfilter");
  using socket = NetlinkSocket.open(pod.namespace);
  const strange = { ...record, link: { ...record.link, mac: "02:00:00:00:99:99" } };
  const before = await pod.dump();
  addIngress(socket, getLink(socket, "eth0"));
  detachEndpoint(socket, strange);
  assertEquals((await pod.json("tc -j qdisc show dev eth0")).length, 2);
  await pod.run("tc qdisc del dev eth0 ingress");
  await assertUndone(pod, before);
});

Deno.test("A network card's interface comes back with all that it had", async () => {
  await using both = await makePod();
  await using host = await makeSandbox();
  const { pod } = both;
  const before = await pod.dump();
  using socket = NetlinkSocket.open(pod.namespace);
  const eth0 = getLink(socket, "eth0");
  const link = captureLink(socket, eth0);
  // As after a change of drivers: in the host's namespace, with another name, and nothing left of the rest.
  setLink(socket, eth0, { namespace: host.namespace, name: "ens3" });
  const sysfs = await Deno.makeTempDir();
  try {
    const card = { address: "0000:00:03.0", driver: "e1000", override: "", group: "1" };
    using outside = NetlinkSocket.open(host.namespace);
    const options = { namespace: pod.namespace, link, host: outside, sysfs };
    await assertRejects(
      () => returnCard(card, { ...options, timeout: 30 }),
      Failure,
      "no interface",
    );
    await Deno.mkdir(join(sysfs, "bus/pci/devices", card.address, "net/ens3"), { recursive: true });
    await returnCard(card, options);
  } finally {
    await Deno.remove(sysfs, { recursive: true });
  }
  await assertUndone(pod, before);
});

Deno.test("Of the interfaces of a real namespace those with addresses are chosen", async () => {
  await using both = await makePod();
  const { pod } = both;
  const { links } = scanNamespace(pod.namespace);
  const chosen = chooseEndpoints(links, hostFacts(pod.namespace, true));
  assertEquals(chosen.map(({ kind, link }) => [kind, link.name]), [["virtual", "eth0"]]);
});

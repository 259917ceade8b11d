/** The netlink client against what iproute2 shows. Needs root and iproute2. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  addAddress,
  addIngress,
  addLink,
  addNeighbour,
  ADDRESS_FLAGS,
  addRoute,
  deleteAddress,
  deleteFilter,
  deleteIngress,
  deleteLink,
  deleteNeighbour,
  deleteRoute,
  getLink,
  isNetlinkError,
  listAddresses,
  listIngressFilters,
  listLinks,
  listNeighbours,
  listQdiscs,
  listRoutes,
  NetlinkError,
  NetlinkSocket,
  type NewLink,
  redirectIngress,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import { openTap } from "../../lib/sys/mod.ts";
import { type JsonObject, makeSandbox, type Sandbox } from "./network_sandbox.ts";

const ENOENT = 2, EOPNOTSUPP = 95;

/** v0 with addresses, and v1, its other end. */
function addPair(socket: NetlinkSocket) {
  addLink(socket, {
    kind: "veth",
    name: "v0",
    mac: "02:00:00:00:00:10",
    mtu: 1400,
    txqlen: 77,
    peer: { name: "v1", mtu: 1400 },
  });
  const [v0, v1] = [getLink(socket, "v0"), getLink(socket, "v1")];
  setLink(socket, v1, { up: true });
  setLink(socket, v0, { up: true });
  addAddress(socket, v0, { address: "10.1.0.2", prefixLength: 24, broadcast: "10.1.0.255" });
  const flags = ADDRESS_FLAGS.NODAD;
  addAddress(socket, v0, { address: "fd01::2", prefixLength: 64, flags });
  return { v0, v1 };
}

async function field(sandbox: Sandbox, command: string, ...keys: string[]) {
  const [object] = await sandbox.json(command);
  return keys.map((key) => object?.[key]);
}

Deno.test("Links are listed as ip shows them", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  addPair(socket);
  addLink(socket, { kind: "bridge", name: "br0" });
  const shown = await sandbox.json("ip -j -d link");
  const links = listLinks(socket);
  assertEquals(
    links.map(({ index, name, mac, mtu, txqlen, qdisc, state, txQueues }) => ({
      ifindex: index,
      ifname: name,
      address: mac,
      mtu,
      txqlen,
      qdisc,
      operstate: state === "lower-layer-down" ? "LOWERLAYERDOWN" : state.toUpperCase(),
      num_tx_queues: txQueues,
    })),
    shown.map(({ ifindex, ifname, address, mtu, txqlen, qdisc, operstate, num_tx_queues }) => (
      { ifindex, ifname, address, mtu, txqlen, qdisc, operstate, num_tx_queues } as never
    )),
  );
  assertEquals(links.map(({ kind }) => kind), ["", "veth", "veth", "bridge"]);
  assertEquals(links.map(({ loopback }) => loopback), [true, false, false, false]);
  assertEquals(getLink(socket, "v0").lower, getLink(socket, "v1").index);
});

Deno.test("A link takes name, address, MTU, queue length, bridge and state", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  addLink(socket, { kind: "veth", name: "v0", peer: { name: "v1" } });
  addLink(socket, { kind: "bridge", name: "br0", multicastSnooping: false });
  const [v0, bridge] = [getLink(socket, "v0"), getLink(socket, "br0")];
  setLink(socket, v0, { name: "eth7", mac: "02:00:00:00:00:77", mtu: 1300, txqlen: 5 });
  setLink(socket, v0, { master: bridge.index, up: true, arp: false });
  const keys = ["address", "mtu", "txqlen", "master", "flags"];
  assertEquals(await field(sandbox, "ip -j link show eth7", ...keys), [
    "02:00:00:00:00:77",
    1300,
    5,
    "br0",
    ["NO-CARRIER", "BROADCAST", "MULTICAST", "NOARP", "UP", "M-DOWN"],
  ]);
  const [info] = await field(sandbox, "ip -j -d link show br0", "linkinfo");
  assertEquals((info as { info_data: { mcast_snooping: number } }).info_data.mcast_snooping, 0);
  setLink(socket, v0, { master: 0, up: false, arp: true });
  assertEquals(await field(sandbox, "ip -j link show eth7", "master"), [undefined]);
});

Deno.test("A link moves to another namespace", async () => {
  await using one = await makeSandbox();
  await using other = await makeSandbox();
  using socket = NetlinkSocket.open(one.namespace);
  addLink(socket, {
    kind: "veth",
    name: "v0",
    peer: { name: "eth0", namespace: other.namespace, mac: "02:00:00:00:00:99" },
  });
  assertEquals(await field(other, "ip -j link show eth0", "address"), ["02:00:00:00:00:99"]);
  assert(getLink(socket, "v0").lowerElsewhere);
  using there = NetlinkSocket.open(other.namespace);
  setLink(there, getLink(there, "eth0"), { namespace: one.namespace });
  assertEquals(getLink(socket, "eth0").mac, "02:00:00:00:00:99");
});

for (
  const link of [
    { kind: "dummy", name: "k0" },
    { kind: "ifb", name: "k0" },
    { kind: "bridge", name: "k0" },
    { kind: "veth", name: "k0", peer: { name: "k1" } },
    { kind: "macvlan", name: "k0", lower: 0, mode: "bridge" },
    { kind: "macvtap", name: "k0", lower: 0, mode: "passthru" },
  ] satisfies NewLink[]
) {
  Deno.test(`A ${link.kind} link is made, or its absence from the kernel is said`, async () => {
    await using sandbox = await makeSandbox();
    using socket = NetlinkSocket.open(sandbox.namespace);
    addLink(socket, { kind: "veth", name: "v0", peer: { name: "v1" } });
    const lower = getLink(socket, "v0").index;
    const wanted = "lower" in link ? { ...link, lower } : link;
    const argument = "lower" in link ? "link v0 " : "";
    // What the kernel has, by another program's word.
    const has = await sandbox.run(`ip link add ${argument}name probe type ${link.kind}`)
      .then(() => true, () => false);
    if (has) {
      await sandbox.run("ip link delete probe");
      addLink(socket, wanted);
      const [info] = await field(sandbox, "ip -j -d link show k0", "linkinfo");
      assertEquals((info as { info_kind: string }).info_kind, link.kind);
      deleteLink(socket, getLink(socket, "k0"));
      await assertRejects(() => sandbox.run("ip link show k0"));
    } else {
      const error = assertThrows(() => addLink(socket, wanted), NetlinkError);
      assertEquals(error.errno, EOPNOTSUPP);
      assertStringIncludes(error.message, `Cannot add ${link.kind} link "k0": Unknown device type`);
    }
  });
}

Deno.test("A tap has the queues that were asked for and goes with the last of them", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  const queues = openTap(sandbox.namespace, { name: "tap7", queues: 3, vnetHeader: true });
  const [info] = await field(sandbox, "ip -j -d link show tap7", "linkinfo");
  const { info_kind, info_data } = info as { info_kind: string; info_data: object };
  assertEquals(info_kind, "tun");
  const { type, pi, vnet_hdr, multi_queue, numqueues, persist } = info_data as JsonObject;
  assertEquals([type, pi, vnet_hdr, multi_queue, numqueues, persist], [
    "tap",
    false,
    true,
    true,
    3,
    false,
  ]);
  for (const queue of queues) queue.close();
  assertThrows(() => getLink(socket, "tap7"), NetlinkError, "(ENODEV)");
});

Deno.test("Addresses are added, listed and deleted as ip shows them", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  const { v0 } = addPair(socket);
  addAddress(socket, v0, { address: "10.2.0.1", prefixLength: 32, peer: "10.2.0.9" });
  addAddress(socket, v0, { address: "10.3.0.1", prefixLength: 16, label: "v0:x", scope: 253 });
  const timed = { preferred: 100, valid: 1000 };
  addAddress(socket, v0, { address: "fd02::7", prefixLength: 48, ...timed });
  const [shown] = await field(sandbox, "ip -j addr show v0", "addr_info");
  const ours = listAddresses(socket).filter(({ link }) => link === v0.index);
  assertEquals(
    ours.map(({ address, prefixLength, peer }) => peer ?? `${address}/${prefixLength}`),
    (shown as Record<string, string>[]).map(({ local, prefixlen, address }) =>
      address ?? `${local}/${prefixlen}`
    ),
  );
  const find = (text: string) => ours.find(({ address }) => address === text);
  assertEquals(find("10.1.0.2")?.broadcast, "10.1.0.255");
  assertEquals(find("10.3.0.1")?.label, "v0:x");
  assertEquals(find("10.3.0.1")?.scope, 253);
  assertEquals([find("fd02::7")?.preferred, find("fd02::7")?.valid], [100, 1000]);
  assertEquals(find("10.1.0.2")?.valid, undefined);
  deleteAddress(socket, v0, find("10.2.0.1")!);
  deleteAddress(socket, v0, find("fd01::2")!);
  const [left] = await field(sandbox, "ip -j addr show v0", "addr_info");
  const addresses = (left as Record<string, string>[]).map(({ local }) => local);
  assertEquals(addresses.includes("10.2.0.1") || addresses.includes("fd01::2"), false);
});

Deno.test("Refusals say what was asked for and the kernel's reason", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  const { v0 } = addPair(socket);
  const again = { address: "10.1.0.2", prefixLength: 24 };
  assertThrows(
    () => addAddress(socket, v0, again),
    NetlinkError,
    'Cannot add address 10.1.0.2/24 to "v0"',
  );
  addAddress(socket, v0, again, { replace: true });
  const hops = [{ link: v0.index, gateway: "99.0.0.1" }];
  assertThrows(
    () => addRoute(socket, { destination: "10.9.0.0/16", hops }),
    NetlinkError,
    "Cannot add route 10.9.0.0/16 via 99.0.0.1: Nexthop has invalid gateway (ENETUNREACH)",
  );
  assertThrows(
    () => setLink(socket, v0, { mtu: 10 }),
    NetlinkError,
    'Cannot set mtu of link "v0": mtu less than device minimum (EINVAL)',
  );
});

Deno.test("Routes of every sort are made, listed and deleted as ip shows them", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  const { v0 } = addPair(socket);
  const link = v0.index;
  const [four, six] = [{ link, gateway: "10.1.0.1" }, { link, gateway: "fd01::1" }];
  const wanted = [
    { destination: "0.0.0.0/0", hops: [four], metric: 50, source: "10.1.0.2", mtu: 1300 },
    { destination: "10.50.0.0/16", hops: [{ link }] },
    { destination: "10.51.0.0/16", hops: [{ ...four, weight: 2 }, { link, gateway: "10.1.0.3" }] },
    { destination: "10.52.0.0/16", hops: [{ link, gateway: "172.16.0.1", onlink: true }] },
    { destination: "10.53.0.0/16", hops: [six] },
    { destination: "10.54.0.0/16", type: "blackhole" as const },
    { destination: "10.55.0.0/16", hops: [four], table: 1000 },
    { destination: "::/0", hops: [six], metric: 70 },
    { destination: "fd51::/32", hops: [six, { link, gateway: "fd01::3" }] },
  ];
  for (const route of wanted) addRoute(socket, route);
  const shown = [
    ...await sandbox.json("ip -j -4 route show table all"),
    ...await sandbox.json("ip -j -6 route show table all"),
  ].map((route) => route.dst);
  const listed = listRoutes(socket);
  const short = (text: string) =>
    /^(0\.0\.0\.0|::)\/0$/.test(text)
      ? "default"
      : text.replace(text.includes(":") ? /\/128$/ : /\/32$/, "");
  assertEquals(
    listed.map(({ destination }) => short(destination)).toSorted(),
    shown.map(String).toSorted(),
  );
  for (const { hops = [], ...rest } of wanted) {
    const found = listed.find(({ destination, protocol }) =>
      destination === rest.destination && protocol !== 2
    )!;
    assertEquals({ ...found, ...rest }, found);
    const full = hops.map((hop) => ({ gateway: "", weight: 1, onlink: false, ...hop }));
    assertEquals(found.hops, full);
    deleteRoute(socket, { hops, ...rest });
  }
  const left = await sandbox.json("ip -j route show table all proto boot");
  assertEquals(left, []);
  assertEquals(
    listRoutes(socket, { local: false }).filter(({ table }) => table === 255),
    [],
  );
});

Deno.test("Neighbours are entered, listed and deleted as ip shows them", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  const { v0 } = addPair(socket);
  addNeighbour(socket, v0, { address: "10.1.0.1", mac: "02:00:00:00:00:01" });
  addNeighbour(socket, v0, { address: "fd01::1", mac: "02:00:00:00:00:02" });
  const shown = (await sandbox.json("ip -j neigh")).map(({ dst, lladdr }) => [dst, lladdr]);
  assertEquals(listNeighbours(socket).map(({ address, mac }) => [address, mac]), shown as never);
  assertEquals(shown.length, 2);
  deleteNeighbour(socket, v0, "fd01::1");
  assertEquals((await sandbox.json("ip -j neigh")).length, 1);
});

for (const kind of ["u32", "matchall"] as const) {
  Deno.test(`Frames are redirected by ${kind}, or its absence from the kernel is said`, async () => {
    await using sandbox = await makeSandbox();
    using socket = NetlinkSocket.open(sandbox.namespace);
    const { v0, v1 } = addPair(socket);
    const options = kind === "u32" ? "u32 match u8 0 0" : "matchall";
    const has = await sandbox.run(
      `tc qdisc add dev v1 ingress && tc filter add dev v1 parent ffff: ${options} ` +
        "action mirred egress redirect dev v0",
    ).then(() => true, () => false);
    addIngress(socket, v0);
    if (!has) {
      const error = assertThrows(() => redirectIngress(socket, v0, v1, { kind }), NetlinkError);
      assertEquals(error.message.split(": ")[1], "TC classifier not found (ENOENT)");
      return;
    }
    redirectIngress(socket, v0, v1, { kind });
    const shown = JSON.stringify(await sandbox.json("tc -j filter show dev v0 ingress"));
    assertStringIncludes(shown, `"kind":"${kind}"`);
    assertStringIncludes(shown, '"mirred_action":"redirect","direction":"egress"');
    assertStringIncludes(shown, '"to_dev":"v1"');
    const [filter, ...more] = listIngressFilters(socket, v0);
    assertEquals([filter?.kind, filter?.redirect, more.length], [kind, v1.index, 0]);
    deleteFilter(socket, v0, filter!);
    assertEquals(listIngressFilters(socket, v0), []);
  });
}

for (const kind of ["ingress", "clsact"] as const) {
  Deno.test(`The ${kind} discipline is added, listed and deleted as tc shows it`, async () => {
    await using sandbox = await makeSandbox();
    using socket = NetlinkSocket.open(sandbox.namespace);
    const { v0, v1 } = addPair(socket);
    addIngress(socket, v0, kind);
    const kinds = async () => (await sandbox.json("tc -j qdisc show dev v0")).map((q) => q.kind);
    assertEquals(await kinds(), ["noqueue", kind]);
    const listed = listQdiscs(socket).filter(({ link }) => link === v0.index);
    assertEquals(listed.map((qdisc) => qdisc.kind), ["noqueue", kind]);
    assertThrows(() => addIngress(socket, v0, kind), NetlinkError, "(EEXIST)");
    redirectIngress(socket, v0, v1, { discipline: kind });
    assertEquals(listIngressFilters(socket, v0, kind).length, 1);
    deleteIngress(socket, v0);
    assertEquals(await kinds(), ["noqueue"]);
    const error = assertThrows(() => deleteIngress(socket, v0), NetlinkError);
    assert(isNetlinkError(error, ENOENT, 22), error.message);
  });
}

Deno.test("A scan finds 300 links, each with its own addresses and routes", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  for (let at = 0; at < 150; at++) {
    addLink(socket, { kind: "veth", name: `a${at}`, peer: { name: `b${at}` } });
    const link = getLink(socket, `a${at}`);
    setLink(socket, getLink(socket, `b${at}`), { up: true });
    setLink(socket, link, { up: true });
    addAddress(socket, link, { address: `10.0.${at}.1`, prefixLength: 24 });
    const hops = [{ link: link.index, gateway: `10.0.${at}.2` }];
    addRoute(socket, { destination: `10.1.${at}.0/24`, hops });
    addRoute(socket, { destination: `10.1.${at}.0/24`, hops, table: 77 });
  }
  addRoute(socket, { destination: "10.2.0.0/16", type: "unreachable" });
  const { links, unboundRoutes } = scanNamespace(sandbox.namespace);
  assertEquals(links.length, 301);
  for (let at = 0; at < 150; at++) {
    const { addresses, routes, otherRoutes } = links.find(({ name }) => name === `a${at}`)!;
    const four = (list: { family: number }[]) => list.filter(({ family }) => family === 4);
    assertEquals(four(addresses).length, 1);
    assertEquals(addresses.find(({ family }) => family === 4)?.address, `10.0.${at}.1`);
    assertEquals(four(routes).length, 2);
    assertEquals(otherRoutes.map(({ destination }) => destination), [`10.1.${at}.0/24`]);
  }
  assertEquals(unboundRoutes.map(({ type }) => type), ["unreachable"]);
});

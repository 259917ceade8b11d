/** Links and addresses of the netlink client against what iproute2 shows. Needs root and iproute2. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  addAddress,
  addLink,
  addRoute,
  deleteAddress,
  deleteLink,
  getLink,
  listAddresses,
  listLinks,
  NetlinkError,
  NetlinkSocket,
  type NewLink,
  setLink,
} from "../../lib/network/mod.ts";
import { openTap } from "../../lib/sys/mod.ts";
import { type JsonObject, makeSandbox, type Sandbox } from "./network_sandbox.ts";
import { addPair } from "./network_pair.ts";

/** Of linux/rtnetlink.h. */
const RTM_GETADDR = 22;
const EOPNOTSUPP = 95;

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

Deno.test("The kernel checks requests strictly: a filter that it does not know is refused", async () => {
  await using sandbox = await makeSandbox();
  using socket = NetlinkSocket.open(sandbox.namespace);
  // struct ifaddrmsg with a prefix length, by which addresses cannot be asked for.
  const header = Uint8Array.of(0, 24, 0, 0, 0, 0, 0, 0);
  assertThrows(
    () => socket.dump("list addresses", { type: RTM_GETADDR, header }, () => undefined),
    NetlinkError,
    "Invalid values in header for address dump request (EINVAL)",
  );
});

/** Routes, neighbours and filters of the netlink client against what iproute2 shows. Needs root and iproute2. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  addAddress,
  addIngress,
  addLink,
  addNeighbour,
  addRoute,
  deleteFilter,
  deleteIngress,
  deleteNeighbour,
  deleteRoute,
  getLink,
  isNetlinkError,
  listIngressFilters,
  listNeighbours,
  listQdiscs,
  listRoutes,
  NetlinkError,
  NetlinkSocket,
  redirectIngress,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import { makeSandbox } from "./network_sandbox.ts";
import { addPair } from "./network_pair.ts";

const ENOENT = 2;

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

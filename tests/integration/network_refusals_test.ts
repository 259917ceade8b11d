/** Interfaces that cannot be connected, and network cards, in namespaces of the tests' own. Needs root and iproute2. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Failure } from "../../lib/failure.ts";
import {
  addIngress,
  addLink,
  attachEndpoint,
  captureLink,
  chooseEndpoints,
  detachEndpoint,
  getLink,
  hostFacts,
  listIngressFilters,
  NetlinkError,
  NetlinkSocket,
  planEndpoint,
  redirectIngress,
  returnCard,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import { openTap } from "../../lib/sys/mod.ts";
import { assertUndone, makePod, plan } from "./network_pod.ts";

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

Deno.test("A network card whose driver makes no interface is told of", async () => {
  await using both = await makePod();
  const { pod } = both;
  using socket = NetlinkSocket.open(pod.namespace);
  const link = { ...captureLink(socket, getLink(socket, "eth0")), index: 77 };
  const sysfs = await Deno.makeTempDir();
  try {
    const card = { address: "0000:00:03.0", driver: "e1000", override: "", group: "1" };
    const options = { namespace: pod.namespace, link, sysfs, timeout: 30 };
    await assertRejects(() => returnCard(card, options), Failure, "no interface");
  } finally {
    await Deno.remove(sysfs, { recursive: true });
  }
});

Deno.test("Of the interfaces of a real namespace those with addresses are chosen", async () => {
  await using both = await makePod();
  const { pod } = both;
  const { links } = scanNamespace(pod.namespace);
  const chosen = chooseEndpoints(links, hostFacts(pod.namespace, true));
  assertEquals(chosen.map(({ kind, link }) => [kind, link.name]), [["virtual", "eth0"]]);
});

/** A guest's network made from the protocol's messages, in namespaces of the tests' own. Needs root and iproute2. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  addAddress,
  addLink,
  ADDRESS_FLAGS,
  addRoute,
  applyInterface,
  applyRoutes,
  buildGuestNetwork,
  clearInterface,
  deleteRoutes,
  getLink,
  listRoutes,
  NetlinkError,
  NetlinkSocket,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import { type GuestInterface, parseStartPod } from "../../lib/hyperstart/mod.ts";
import { makeSandbox, type Sandbox, settle } from "./network_sandbox.ts";

const MACS = ["02:00:00:00:aa:00", "02:00:00:00:aa:01"];

/** Two interfaces of these names, with carriers. */
function addInterfaces(socket: NetlinkSocket, names: readonly string[]): void {
  names.forEach((name, at) => {
    addLink(socket, { kind: "veth", name, mac: MACS[at]!, peer: { name: `far${at}` } });
    setLink(socket, getLink(socket, `far${at}`), { up: true, ipv6LinkLocal: "none" });
  });
}

function guestInterface(parts: Partial<GuestInterface> = {}): GuestInterface {
  return {
    newDeviceName: "eth0",
    macAddr: MACS[0]!,
    mtu: 1500,
    ipAddresses: [{ ipAddress: "10.0.0.2", netMask: "24" }],
    ...parts,
  };
}

/** Addresses and main routes of the interfaces eth…, as far as they are to be the same in the guest. */
async function picture(sandbox: Sandbox) {
  const links = await sandbox.json("ip -j addr");
  const ours = links.filter(({ ifname }) => /^eth/.test(String(ifname)));
  return {
    links: ours.map(({ ifname, address, mtu, addr_info }) => ({
      ifname,
      address,
      mtu,
      addresses: (addr_info as Record<string, unknown>[])
        .map(({ local, prefixlen, broadcast }) => `${local}/${prefixlen} ${broadcast ?? ""}`)
        .toSorted(),
    })).toSorted((a, b) => String(a.ifname) < String(b.ifname) ? -1 : 1),
    four: await sandbox.json("ip -j -4 route"),
    six: await sandbox.json("ip -j -6 route"),
  };
}

Deno.test("A guest comes to the same interfaces and routes as the pod's namespace has", async () => {
  await using pod = await makeSandbox();
  await using guest = await makeSandbox();
  using inPod = NetlinkSocket.open(pod.namespace);
  using inGuest = NetlinkSocket.open(guest.namespace);
  addInterfaces(inPod, ["eth0", "eth1"]);
  // As plugged in, in another order than on the host.
  addInterfaces(inGuest, ["eth1", "eth0"]);
  const [eth0, eth1] = [getLink(inPod, "eth0"), getLink(inPod, "eth1")];
  setLink(inPod, eth0, { mtu: 1400, up: true });
  setLink(inPod, eth1, { mtu: 9000, up: true });
  const flags = ADDRESS_FLAGS.NODAD;
  addAddress(inPod, eth0, { address: "10.0.0.2", prefixLength: 24, broadcast: "10.0.0.255" });
  addAddress(inPod, eth0, { address: "fd00::2", prefixLength: 64, flags });
  addAddress(inPod, eth1, { address: "10.7.0.2", prefixLength: 16, broadcast: "10.7.255.255" });
  addAddress(inPod, eth1, { address: "10.8.0.2", prefixLength: 31 });
  const [four, six] = [
    { link: eth0.index, gateway: "10.0.0.1" },
    { link: eth0.index, gateway: "fd00::1" },
  ];
  const other = { link: eth1.index, gateway: "10.7.0.1", weight: 4 };
  addRoute(inPod, { destination: "169.254.1.1/32", hops: [{ link: eth0.index }] });
  addRoute(inPod, { destination: "0.0.0.0/0", hops: [{ ...four, gateway: "169.254.1.1" }] });
  addRoute(inPod, { destination: "10.20.0.0/16", hops: [four], metric: 7, mtu: 1300 });
  addRoute(inPod, { destination: "10.20.0.0/16", hops: [four], metric: 9, source: "10.7.0.2" });
  addRoute(inPod, { destination: "10.21.0.0/16", hops: [four, other] });
  addRoute(inPod, {
    destination: "10.22.0.0/16",
    hops: [{ link: eth1.index, gateway: "1.2.3.4", onlink: true }],
  });
  addRoute(inPod, { destination: "10.23.0.0/16", hops: [six] });
  addRoute(inPod, { destination: "::/0", hops: [six] });
  addRoute(inPod, { destination: "fd22::/32", hops: [six], metric: 5 });
  await settle(pod);

  const { links } = scanNamespace(inPod);
  const connected = links.filter(({ name }) => name.startsWith("eth"));
  const { interfaces, routes, skipped } = buildGuestNetwork(connected, { ipv6: true });
  assertEquals(skipped, []);
  const message = JSON.stringify({ hostname: "h", shareDir: "", interfaces, routes });
  const received = parseStartPod(new TextEncoder().encode(message));
  for (const each of received.interfaces) await applyInterface(inGuest, each);
  applyRoutes(inGuest, received.routes);
  await settle(guest);
  const wanted = await picture(pod);
  assertEquals([wanted.links.length, wanted.four.length, wanted.six.length], [2, 10, 5]);
  assertEquals(await picture(guest), wanted);

  const before = await guest.dump();
  for (const each of received.interfaces) await applyInterface(inGuest, each);
  applyRoutes(inGuest, received.routes);
  assertEquals(await guest.dump(), before);

  deleteRoutes(inGuest, received.routes.filter(({ gateway }) => gateway !== ""));
  deleteRoutes(inGuest, received.routes.filter(({ gateway }) => gateway !== ""));
  const left = listRoutes(inGuest, { local: false }).flatMap(({ hops, destination }) =>
    hops.length === 1 && hops[0]!.gateway ? [destination] : []
  );
  assertEquals(left, []);
});

Deno.test("An interface is waited for until it has been plugged in", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  const applied = applyInterface(socket, guestInterface());
  using there = NetlinkSocket.open(guest.namespace);
  setTimeout(() => addInterfaces(there, ["late"]), 50);
  const link = await applied;
  assertEquals([link.name, link.mac, link.up], ["eth0", MACS[0], true]);
});

Deno.test("An interface that does not come is an error in time, and waiting can be given up", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  await assertRejects(
    () => applyInterface(socket, guestInterface(), { timeout: 20 }),
    Error,
    `Cannot set up interface ${MACS[0]}: no such link after 20 ms`,
  );
  const signal = AbortSignal.timeout(20);
  const given = await assertRejects(() => applyInterface(socket, guestInterface(), { signal }));
  assertEquals(given.name, "TimeoutError");
});

Deno.test("An interface without hardware address is found by its name", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  addInterfaces(socket, ["ens3"]);
  const wanted = guestInterface({ macAddr: "", device: "ens3", newDeviceName: "net7" });
  assertEquals((await applyInterface(socket, wanted)).name, "net7");
});

Deno.test("Masks are lengths or dotted, and anything else is refused before something is changed", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  addInterfaces(socket, ["eth7"]);
  const before = await guest.dump();
  for (
    const [ipAddress, netMask] of [
      ["10.0.0.2", "33"],
      ["10.0.0.2", "255.0.255.0"],
      ["10.0.0", "24"],
      ["fd00::1", "129"],
      ["", ""],
    ] as const
  ) {
    const wanted = guestInterface({ ipAddresses: [{ ipAddress, netMask }] });
    await assertRejects(() => applyInterface(socket, wanted), TypeError);
  }
  assertEquals(await guest.dump(), before);
  const ipAddresses = [{ ipAddress: "10.0.0.2", netMask: "255.255.240.0" }];
  await applyInterface(socket, guestInterface({ ipAddresses }));
  const [{ addr_info }] = await guest.json("ip -j -4 addr show eth0") as [
    { addr_info: Record<string, unknown>[] },
  ];
  assertEquals([addr_info[0]!.prefixlen, addr_info[0]!.broadcast], [20, "10.0.15.255"]);
});

Deno.test("A route by a link that is not there, or a gateway out of reach, is an error", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  addInterfaces(socket, ["eth0"]);
  await applyInterface(socket, guestInterface());
  assertThrows(
    () => applyRoutes(socket, [{ dest: "default", gateway: "10.0.0.1", device: "eth9" }]),
    Error,
    "Cannot make route default: there is no interface eth9",
  );
  assertThrows(
    () => applyRoutes(socket, [{ dest: "default", gateway: "10.9.0.1", device: "eth0" }]),
    NetlinkError,
    "(ENETUNREACH)",
  );
  assertThrows(() => applyRoutes(socket, [{ dest: "somewhere" }]), TypeError);
});

Deno.test("Every name of the default route is understood, and a newer one replaces it", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  addInterfaces(socket, ["eth0"]);
  const ipAddresses = [
    { ipAddress: "10.0.0.2", netMask: "24" },
    { ipAddress: "fd00::2", netMask: "64" },
  ];
  await applyInterface(socket, guestInterface({ ipAddresses }));
  const device = "eth0";
  for (const [at, dest] of ["", "default", "any", "all", "0.0.0.0/0"].entries()) {
    applyRoutes(socket, [{ dest, gateway: `10.0.0.${10 + at}`, device }]);
    const routes = await guest.json("ip -j route show default");
    assertEquals(routes.map(({ gateway }) => gateway), [`10.0.0.${10 + at}`]);
  }
  applyRoutes(socket, [{ dest: "default", gateway: "fd00::1", device }]);
  const six = await guest.json("ip -j -6 route show default");
  assertEquals(six.map(({ gateway }) => gateway), ["fd00::1"]);
});

Deno.test("An interface that is cleared has no addresses and is down", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  addInterfaces(socket, ["eth0"]);
  await applyInterface(socket, guestInterface());
  assertEquals(clearInterface(socket, guestInterface()), true);
  assertEquals(clearInterface(socket, guestInterface({ macAddr: MACS[1]! })), false);
  const [link] = await guest.json("ip -j addr show eth0");
  assertEquals(link!.addr_info, []);
  assertEquals((link!.flags as string[]).includes("UP"), false);
  assertEquals(await guest.json("ip -j route"), []);
});

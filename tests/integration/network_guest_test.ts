/** A guest's network made from the protocol's messages, in namespaces of the tests' own. Needs root and iproute2. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import {
  addAddress,
  addLink,
  ADDRESS_FLAGS,
  addRoute,
  buildGuestNetwork,
  getLink,
  NetlinkSocket,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import type { GuestInterface, GuestRoute } from "../../lib/hyperstart/mod.ts";
import { makeSandbox, type Sandbox, settle } from "./network_sandbox.ts";

const PROGRAM = fromFileUrl(new URL("guest_network_program.ts", import.meta.url));
const MACS = ["02:00:00:00:aa:00", "02:00:00:00:aa:01"];

interface Told {
  interfaces?: readonly GuestInterface[];
  routes?: readonly GuestRoute[];
}

/** Has the guest's own code configure a namespace, which its /sys shows. @returns its complaint; empty for none */
async function tell(guest: Sandbox, told: Told, what = "make"): Promise<string> {
  const shell = 'mount -t sysfs none /sys && exec "$@"';
  const deno = [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", PROGRAM, what];
  const child = new Deno.Command("nsenter", {
    args: [`--net=${guest.path}`, "unshare", "--mount", "sh", "-c", shell, "sh", ...deno],
    stdin: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify({ hostname: "h", ...told })));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stderr).trim();
}

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
  // Who made a route, the kernel or somebody else, is another matter.
  const routes = async (family: number) =>
    (await sandbox.json(`ip -j -${family} route`))
      .map(({ protocol: _, ...route }) => route)
      .filter(({ dst }) => dst !== "fe80::/64");
  return {
    links: ours.map(({ ifname, address, mtu, addr_info }) => ({
      ifname,
      address,
      mtu,
      addresses: (addr_info as Record<string, unknown>[])
        .map(({ local, prefixlen, broadcast }) => `${local}/${prefixlen} ${broadcast ?? ""}`)
        .toSorted(),
    })).toSorted((a, b) => String(a.ifname) < String(b.ifname) ? -1 : 1),
    four: await routes(4),
    six: await routes(6),
  };
}

Deno.test("a guest comes to the same interfaces and routes as the pod's namespace has", async () => {
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
  const { skipped, ...told } = buildGuestNetwork(connected);
  assertEquals(skipped, []);
  assertEquals(await tell(guest, told), "");
  await settle(guest);
  const wanted = await picture(pod);
  assertEquals([wanted.links.length, wanted.four.length], [2, 10]);
  assertEquals(await picture(guest), wanted);

  const before = await guest.dump();
  assertEquals(await tell(guest, told), "");
  await settle(guest);
  assertEquals(await guest.dump(), before);

  const routes = told.routes.filter(({ gateway = "", nextHops }) => gateway !== "" || nextHops);
  assertEquals(await tell(guest, { routes }, "delete"), "");
  assertEquals(await guest.json("ip -j -4 route show root 10.20.0.0/14"), []);
  assertEquals(await guest.json("ip -j -6 route show default"), []);
  assertEquals(await tell(guest, { routes }, "delete"), "route to default: no such process");
});

Deno.test("an interface is waited for until it has been plugged in, and found by its name without an address", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  const told = tell(guest, { interfaces: [guestInterface()] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  addInterfaces(socket, ["late0"]);
  assertEquals(await told, "");
  assertEquals(getLink(socket, "eth0").mac, MACS[0]!);
  const named = guestInterface({ device: "eth0", newDeviceName: "lan0", macAddr: "" });
  assertEquals(await tell(guest, { interfaces: [named] }), "");
  assertEquals(getLink(socket, "lan0").mac, MACS[0]!);
});

Deno.test("a route by a link that is not there, or a gateway out of reach, is refused by name", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  addInterfaces(socket, ["eth0"]);
  const interfaces = [guestInterface()];
  const refused = async (route: GuestRoute) => await tell(guest, { interfaces, routes: [route] });
  assertEquals(
    await refused({ dest: "10.9.0.0/16", device: "eth9" }),
    "no network interface eth9",
  );
  assertEquals(
    await refused({ dest: "10.9.0.0/16", gateway: "10.55.0.1", device: "eth0" }),
    "route to 10.9.0.0/16: network is unreachable",
  );
});

Deno.test("every name of the default route is understood, and a newer one replaces it", async () => {
  await using guest = await makeSandbox();
  using socket = NetlinkSocket.open(guest.namespace);
  addInterfaces(socket, ["eth0"]);
  const interfaces = [guestInterface()];
  for (const [at, dest] of ["default", "0.0.0.0/0"].entries()) {
    const gateway = `10.0.0.${at + 1}`;
    assertEquals(
      await tell(guest, { interfaces, routes: [{ dest, gateway, device: "eth0" }] }),
      "",
    );
    const routes = await guest.json("ip -j route show default");
    assertEquals(routes.map((route) => route.gateway), [gateway]);
  }
});

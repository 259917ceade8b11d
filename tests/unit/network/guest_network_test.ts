import { assertEquals, assertStringIncludes } from "@std/assert";
import { stub } from "@std/testing/mock";
import {
  type Address,
  ADDRESS_FLAGS,
  buildGuestNetwork,
  type Route,
  type ScannedLink,
  warnOfSkipped,
} from "../../../lib/network/mod.ts";
import { configureLogging, flushLog } from "../../../lib/log.ts";

const MAC = "02:00:00:00:00:01";

function link(index: number, name: string, parts: Partial<ScannedLink> = {}): ScannedLink {
  return {
    index,
    name,
    kind: "veth",
    flags: 1,
    up: true,
    loopback: false,
    ethernet: true,
    mac: MAC,
    mtu: 1400,
    txqlen: 1000,
    txQueues: 1,
    master: 0,
    lower: 0,
    lowerElsewhere: false,
    state: "up",
    qdisc: "noqueue",
    addresses: [],
    routes: [],
    otherRoutes: [],
    neighbours: [],
    ...parts,
  };
}

function address(text: string, parts: Partial<Address> = {}): Address {
  const [ip, length] = text.split("/");
  return {
    link: 2,
    family: text.includes(":") ? 6 : 4,
    address: ip!,
    prefixLength: Number(length),
    scope: 0,
    flags: ADDRESS_FLAGS.PERMANENT,
    ...parts,
  };
}

function route(destination: string, gateway = "", parts: Partial<Route> = {}): Route {
  return {
    family: destination.includes(":") ? 6 : 4,
    destination,
    hops: [{ gateway, link: 2, weight: 1, onlink: false }],
    table: 254,
    type: "unicast",
    scope: 0,
    protocol: 3,
    tos: 0,
    ...parts,
  };
}

function routesOf(routes: Route[]) {
  return buildGuestNetwork([link(2, "eth0", { routes })]);
}

Deno.test("An interface keeps name, MTU, hardware address and IPv4 addresses", () => {
  const addresses = [address("10.0.0.2/24"), address("10.0.1.2/16")];
  assertEquals(buildGuestNetwork([link(2, "eth0", { addresses })]).interfaces, [{
    newDeviceName: "eth0",
    ipAddresses: [
      { ipAddress: "10.0.0.2", netMask: "24" },
      { ipAddress: "10.0.1.2", netMask: "16" },
    ],
    mtu: 1400,
    macAddr: MAC,
  }]);
});

Deno.test("Without links there are two empty lists", () => {
  assertEquals(buildGuestNetwork([]), { interfaces: [], routes: [], skipped: [] });
});

Deno.test("Loopback links and loopback addresses stay behind", () => {
  const lo = link(1, "lo", { loopback: true, addresses: [address("127.0.0.1/8")] });
  const addresses = [address("127.0.0.5/8"), address("10.0.0.2/24"), address("::1/128")];
  const { interfaces, skipped } = buildGuestNetwork([lo, link(2, "eth0", { addresses })]);
  assertEquals(interfaces.map(({ newDeviceName }) => newDeviceName), ["eth0"]);
  assertEquals(interfaces[0]!.ipAddresses, [{ ipAddress: "10.0.0.2", netMask: "24" }]);
  assertEquals(skipped, []);
});

Deno.test("IPv6 addresses are told, but for those that come by themselves", () => {
  const addresses = [
    address("fd00::2/64"),
    address("fd00::abcd/64", { protocol: 2 }),
    address("fe80::ff:fe00:1/64", { scope: 253, protocol: 3 }),
    address("fe80::7/64", { scope: 253 }),
    address("fd00::3/64", { flags: ADDRESS_FLAGS.DADFAILED }),
  ];
  const network = buildGuestNetwork([link(2, "eth0", { addresses })]);
  assertEquals(network.interfaces[0]!.ipAddresses, [
    { ipAddress: "fd00::2", netMask: "64" },
    { ipAddress: "fe80::7", netMask: "64" },
  ]);
  assertEquals(network.skipped.map(({ kind, value }) => [kind, value]), [
    ["duplicate", "fd00::3/64"],
  ]);
});

Deno.test("The link-local address that an older kernel does not mark is known by the hardware address", () => {
  const addresses = [address("fe80::ff:fe00:1/64", { scope: 253 })];
  const { interfaces } = buildGuestNetwork([link(2, "eth0", { addresses })]);
  assertEquals(interfaces[0]!.ipAddresses, []);
});

for (
  const [what, given, wanted] of [
    ["with a gateway", route("10.1.0.0/16", "10.0.0.1"), [
      { dest: "10.1.0.0/16", gateway: "10.0.0.1", device: "eth0" },
    ]],
    ["without a gateway is kept", route("10.1.0.0/16"), [{ dest: "10.1.0.0/16", device: "eth0" }]],
    ["to everywhere is called default", route("0.0.0.0/0", "10.0.0.1"), [
      { dest: "default", gateway: "10.0.0.1", device: "eth0" },
    ]],
    ["to everywhere without gateway is kept", route("0.0.0.0/0"), [
      { dest: "default", device: "eth0" },
    ]],
    ["that leads nowhere is dropped", route("10.1.0.0/16", "", { type: "unreachable" }), []],
    ["for some packets is dropped", route("10.1.0.0/16", "10.0.0.1", { tos: 8 }), []],
  ] as const
) {
  Deno.test(`A route ${what}`, () => {
    const { routes, skipped } = routesOf([given]);
    assertEquals(routes, [...wanted]);
    assertEquals(skipped.length, wanted.length === 0 ? 1 : 0);
  });
}

Deno.test("Metric, source, MTU and on-link mark go with a route", () => {
  const given = route("10.1.0.0/16", "10.0.0.1", {
    metric: 5,
    source: "10.0.0.2",
    mtu: 1300,
    hops: [{ gateway: "10.0.0.1", link: 2, weight: 1, onlink: true }],
  });
  const plain = { dest: "10.1.0.0/16", gateway: "10.0.0.1", device: "eth0" };
  assertEquals(routesOf([given]).routes, [
    { ...plain, src: "10.0.0.2", metric: 5, mtu: 1300, onlink: true },
  ]);
});

Deno.test("IPv6 routes are told, but for those that come by themselves", () => {
  const given = [
    route("::/0", "fd00::1", { metric: 1024 }),
    route("fd00::/64", "", { protocol: 2 }),
    route("fe80::/64", "", { protocol: 2 }),
    route("fd05::/64", "fe80::1", { protocol: 9 }),
    route("10.9.0.0/16", "fd00::1"),
  ];
  const { routes, skipped } = routesOf(given);
  assertEquals(routes, [
    { dest: "::/0", gateway: "fd00::1", device: "eth0", metric: 1024 },
    { dest: "10.9.0.0/16", gateway: "fd00::1", device: "eth0" },
  ]);
  assertEquals(skipped, []);
});

Deno.test("Routes on a link come before those that need them, else in their order", () => {
  const given = [
    route("0.0.0.0/0", "10.0.0.1"),
    route("10.9.0.0/16", "10.0.0.3"),
    route("10.0.0.0/24"),
    route("10.0.5.0/24"),
  ];
  assertEquals(routesOf(given).routes.map(({ dest }) => dest), [
    "10.0.0.0/24",
    "10.0.5.0/24",
    "default",
    "10.9.0.0/16",
  ]);
});

Deno.test("A gateway on one link comes after a route on another", () => {
  const [eth0, eth1] = [
    link(2, "eth0", { routes: [route("0.0.0.0/0", "10.7.0.1")] }),
    link(3, "eth1", {
      routes: [route("10.7.0.0/24", "", {
        hops: [{ gateway: "", link: 3, weight: 1, onlink: false }],
      })],
    }),
  ];
  assertEquals(buildGuestNetwork([eth0, eth1]).routes.map(({ dest }) => dest), [
    "10.7.0.0/24",
    "default",
  ]);
});

Deno.test("Of several ways all are told, once", () => {
  const hops = [
    { gateway: "10.0.0.1", link: 2, weight: 1, onlink: false },
    { gateway: "10.7.0.1", link: 3, weight: 5, onlink: false },
  ];
  const both = route("10.1.0.0/16", "", { hops });
  const links = [link(2, "eth0", { routes: [both] }), link(3, "eth1", { routes: [both] })];
  assertEquals(buildGuestNetwork(links).routes, [{
    dest: "10.1.0.0/16",
    nextHops: [
      { gateway: "10.0.0.1", device: "eth0", weight: 1 },
      { gateway: "10.7.0.1", device: "eth1", weight: 5 },
    ],
  }]);
});

Deno.test("Ways through interfaces that are not connected fall away", () => {
  const hops = [
    { gateway: "10.0.0.1", link: 2, weight: 1, onlink: false },
    { gateway: "10.7.0.1", link: 9, weight: 5, onlink: false },
  ];
  const { routes, skipped } = routesOf([route("10.1.0.0/16", "", { hops })]);
  assertEquals(routes, [{ dest: "10.1.0.0/16", gateway: "10.0.0.1", device: "eth0" }]);
  assertEquals(skipped.map(({ kind }) => kind), ["interface"]);
});

Deno.test("Each thing left out is one structured warning", async () => {
  const addresses = [address("fd00::2/64", { flags: ADDRESS_FLAGS.DADFAILED })];
  const routes = [
    route("fd01::/64", "fd00::1", { tos: 8 }),
    route("fd02::/64", "", { from: "fd00::/64" }),
  ];
  let written = "";
  using _stderr = stub(Deno.stderr, "writeSync", (bytes: Uint8Array) => {
    written += new TextDecoder().decode(bytes);
    return bytes.length;
  });
  configureLogging({ format: "json" });
  warnOfSkipped(buildGuestNetwork([link(2, "eth0", { addresses, routes })]).skipped);
  await flushLog();
  configureLogging({ format: "text" });
  const lines = written.trim().split("\n");
  assertEquals(lines.length, 3);
  assertStringIncludes(lines[0]!, "unsupported address");
  assertStringIncludes(lines[1]!, '"unsupported-route-type":"tos"');
  assertStringIncludes(lines[1]!, '"gateway":"fd00::1"');
  assertStringIncludes(lines[2]!, '"destination":"fd02::/64"');
});

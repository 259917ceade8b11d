import {
  addAddress,
  addLink,
  addRoute,
  createNamespace,
  deleteNamespace,
  getLink,
  listLinks,
  NetlinkSocket,
  openNamespace,
  runIn,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import { join } from "@std/path";
import type { Place } from "./podvisor.ts";
import { FakeVms } from "./fake_vms.ts";
import { median, type Row } from "./row.ts";
import { measureTcp } from "./tcp.ts";

const LINKS = 500, ROUTES = 1000, ROUNDS = 20, STARTS = 15;

/** Half of the links are the other ends of the first half, which have an address each. */
function furnish(socket: NetlinkSocket): void {
  for (let pair = 0; pair < LINKS / 2; pair++) {
    addLink(socket, { kind: "veth", name: `a${pair}`, peer: { name: `b${pair}` } });
  }
  const links = listLinks(socket).filter(({ kind }) => kind === "veth");
  for (const link of links) setLink(socket, link, { up: true });
  const addressed = links.filter(({ name }) => name.startsWith("a"));
  addressed.forEach((link, at) => {
    addAddress(socket, link, { address: `10.0.${at}.1`, prefixLength: 24 });
  });
  for (let at = 0; at < ROUTES - addressed.length; at++) {
    const via = at % addressed.length;
    addRoute(socket, {
      destination: `172.${16 + (at >> 8)}.${at & 255}.0/24`,
      hops: [{ link: addressed[via]!.index, gateway: `10.0.${via}.2` }],
    });
  }
}

async function milliseconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** All that is measured of networks. */
export async function measureNetwork(place: Place): Promise<Row[]> {
  return [
    ...await measureScan(place),
    ...await measureSetUp(place),
    ...await measureTcp(place),
  ];
}

/** What one interface adds to the host's work on a start, with a VM that answers at once. */
async function measureSetUp(place: Place): Promise<Row[]> {
  using vms = await FakeVms.make(place.directory);
  const env = { PODVISOR_QEMU: vms.program };
  const path = join(place.directory, "one");
  createNamespace(path);
  try {
    using namespace = openNamespace(path);
    using socket = NetlinkSocket.open(namespace);
    addLink(socket, { kind: "veth", name: "eth0", peer: { name: "peer0" } });
    for (const name of ["peer0", "eth0"]) setLink(socket, getLink(socket, name), { up: true });
    addAddress(socket, getLink(socket, "eth0"), { address: "10.7.0.2", prefixLength: 24 });
    const without: number[] = [], joined: number[] = [];
    for (let run = 0; run < STARTS; run++) {
      for (const [times, network] of [[without, "none"], [joined, `netns:${path}`]] as const) {
        const command = ["run", "--network", network, "busybox", "echo", "ready"];
        const started = await place.start(command, { env });
        times.push(started.milliseconds);
        await started.finish();
      }
    }
    const more = Math.min(...joined) - Math.min(...without);
    return [{ name: "set-up of one interface, in a start", value: more, unit: "ms", budget: 20 }];
  } finally {
    deleteNamespace(path);
  }
}

/**
 * How long it takes to read a network namespace of 500 interfaces and 1,000 routes, against `ip -j addr; ip -j route` in
 * the same run. Needs iproute2.
 */
async function measureScan(place: Place): Promise<Row[]> {
  const path = join(place.directory, "namespace");
  createNamespace(path);
  try {
    using namespace = openNamespace(path);
    {
      using socket = NetlinkSocket.open(namespace);
      furnish(socket);
    }
    const shell = "ip -j addr >/dev/null; ip -j route >/dev/null";
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await milliseconds(() => scanNamespace(namespace)));
      theirs.push(await milliseconds(() => runIn(namespace, ["/bin/sh", "-c", shell])));
    }
    const ip = median(theirs);
    return [
      {
        name: "scan of 500 interfaces and 1,000 routes ÷ ip -j",
        value: median(ours) / ip,
        unit: "",
        budget: 1,
      },
      { name: "the first scan of a process ÷ ip -j", value: ours[0]! / ip, unit: "" },
      { name: "scan of 500 interfaces and 1,000 routes", value: median(ours), unit: "ms" },
    ];
  } finally {
    deleteNamespace(path);
  }
}

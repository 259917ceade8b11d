import {
  addAddress,
  addLink,
  addRoute,
  createNamespace,
  deleteLink,
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
import type { ChromeTrace } from "../../lib/cli/chrome_trace.ts";
import type { Place } from "./podvisor.ts";
import { median, type Row } from "./row.ts";
import { Spares } from "./spares.ts";
import { measureTcp } from "./tcp.ts";

const LINKS = 500, ROUTES = 1000, ROUNDS = 20, STARTS = 21, SPARE_STARTS = 9;

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
    ...await measureSpareSetUp(place),
    ...await measureTcp(place),
  ];
}

/**
 * What one interface adds to a warm start: what host and guest spend on it while the start waits for that, by their
 * traces, in turn with starts that have none. Whole commands differ by more than that from one to the next.
 */
async function measureSetUp(place: Place): Promise<Row[]> {
  const path = join(place.directory, "one"), none = "none", one = `netns:${path}`;
  createNamespace(path);
  try {
    using namespace = openNamespace(path);
    using socket = NetlinkSocket.open(namespace);
    addLink(socket, { kind: "veth", name: "eth0", peer: { name: "peer0" } });
    setLink(socket, getLink(socket, "peer0"), { ipv6LinkLocal: "none" });
    for (const name of ["peer0", "eth0"]) setLink(socket, getLink(socket, name), { up: true });
    addAddress(socket, getLink(socket, "eth0"), { address: "10.7.0.2", prefixLength: 24 });
    await buildTemplates(place);
    const joined: TracedStart[] = [], without: TracedStart[] = [];
    for (let run = 0; run < STARTS; run++) {
      without.push(await traceStart(place, none));
      joined.push(await traceStart(place, one));
    }
    const name = "what one interface adds to a warm start";
    // While a VM is restored the host has nothing else to do.
    const added = (of: (start: TracedStart) => number) => medianAdded(without, joined, of);
    return [
      { name, value: added(({ before, guest }) => before + guest), unit: "ms", budget: 20 },
      {
        name: `${name}: the host, before the VM`,
        value: added(({ before }) => before),
        unit: "ms",
      },
      { name: `${name}: the host, beside it`, value: added(({ beside }) => beside), unit: "ms" },
      { name: `${name}: the guest`, value: added(({ guest }) => guest), unit: "ms" },
      { name: `${name}, by whole commands`, value: added(({ whole }) => whole), unit: "ms" },
    ];
  } finally {
    deleteNamespace(path);
  }
}

/** The same for a place at a bridge and a start from a spare, which waits for all of it. */
async function measureSpareSetUp(place: Place): Promise<Row[]> {
  const name = `pvb${Deno.pid}`, none = "none", one = `bridge:${name}`;
  using host = NetlinkSocket.open();
  addLink(host, { kind: "bridge", name });
  const bridge = getLink(host, name);
  try {
    setLink(host, bridge, { ipv6LinkLocal: "none" });
    setLink(host, bridge, { up: true });
    addAddress(host, bridge, { address: "10.7.1.1", prefixLength: 24 });
    await using spares = await Spares.make(place, [none, one]);
    const joined: TracedStart[] = [], without: TracedStart[] = [];
    for (let run = 0; run < SPARE_STARTS; run++) {
      for (const [starts, network] of [[without, none], [joined, one]] as const) {
        starts.push(await traceStart(place, network, spares.env));
        await spares.madeUp();
      }
    }
    const what = "what a bridge adds to a start from a spare";
    const added = (of: (start: TracedStart) => number) => medianAdded(without, joined, of);
    const all = added(({ before, beside, guest }) => before + beside + guest);
    return [
      { name: what, value: all, unit: "ms", budget: 20 },
      { name: `${what}: the guest`, value: added(({ guest }) => guest), unit: "ms" },
      { name: `${what}, by whole commands`, value: added(({ whole }) => whole), unit: "ms" },
    ];
  } finally {
    deleteLink(host, bridge);
  }
}

/** Of neighbours: from one minute to the next a host may be half as fast, which is far more than what is looked for. */
function medianAdded(
  without: readonly TracedStart[],
  joined: readonly TracedStart[],
  of: (start: TracedStart) => number,
): number {
  return median(joined.map((start, at) => of(start) - of(without[at]!)));
}

/** A start in milliseconds: up to the first byte of output, and what is spent on networks. */
interface TracedStart {
  whole: number;
  /** By the host, before the VM is started or taken. */
  before: number;
  /** By the host, from then on. */
  beside: number;
  guest: number;
}

async function traceStart(
  place: Place,
  network: string,
  more: Record<string, string> = {},
): Promise<TracedStart> {
  const file = join(place.directory, "trace.json");
  const options = ["--network", network, "--trace", file];
  const env = { PODVISOR_TEMPLATE: "use", ...more };
  const started = await place.start(["run", ...options, "busybox", "echo", "ready"], { env });
  await started.finish();
  const { traceEvents }: ChromeTrace = JSON.parse(await Deno.readTextFile(file));
  const duration = (part: string, name: string) => {
    for (const each of traceEvents) {
      if (each.ph === "X" && each.cat === part && each.name === name) return each.dur / 1000;
    }
    throw new Error(`Cannot measure: the trace does not tell of ${part}: ${name}`);
  };
  return {
    whole: started.milliseconds,
    before: duration("command", "network"),
    beside: duration("command", "connect the network"),
    guest: duration("guest", "host name and network"),
  };
}

/** The templates that the starts are restored from. */
async function buildTemplates(place: Place): Promise<void> {
  for (const network of ["none", "bridge:any"]) {
    const args = ["template", "build", "--force", "--network", network];
    await (await place.start(args, { env: { PODVISOR_TEMPLATE: "use" } })).finish();
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

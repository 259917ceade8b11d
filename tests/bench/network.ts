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
 * What one interface adds to a warm start, of host and guest together: by whole commands, in turn with such that have
 * none, and by their traces what each of the two spends on it.
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
    // Of neighbours: from one minute to the next a host may be half as fast, which is far more than what is looked for.
    const added = (part: keyof TracedStart) =>
      median(joined.map((start, at) => start[part] - without[at]![part]));
    return [
      { name, value: added("whole"), unit: "ms", budget: 20 },
      { name: `${name}: the host's part`, value: added("host"), unit: "ms" },
      { name: `${name}: the guest's part`, value: added("guest"), unit: "ms" },
    ];
  } finally {
    deleteNamespace(path);
  }
}

/** What a place at a bridge adds to a start from a spare, of whole commands in turn with such that have no network. */
async function measureSpareSetUp(place: Place): Promise<Row[]> {
  const name = `pvb${Deno.pid}`, networks = ["none", `bridge:${name}`];
  using host = NetlinkSocket.open();
  addLink(host, { kind: "bridge", name });
  const bridge = getLink(host, name);
  try {
    setLink(host, bridge, { ipv6LinkLocal: "none" });
    setLink(host, bridge, { up: true });
    addAddress(host, bridge, { address: "10.7.1.1", prefixLength: 24 });
    await using spares = await Spares.make(place, networks);
    const added: number[] = [];
    for (let run = 0; run < SPARE_STARTS; run++) {
      const [without, joined] = [
        await startFromSpare(place, spares, networks[0]!),
        await startFromSpare(place, spares, networks[1]!),
      ];
      added.push(joined - without);
    }
    const what = "what a bridge adds to a start from a spare";
    return [{ name: what, value: median(added), unit: "ms", budget: 20 }];
  } finally {
    deleteLink(host, bridge);
  }
}

/** @returns milliseconds up to the first byte of output; when the spare has been made up for */
async function startFromSpare(place: Place, spares: Spares, network: string): Promise<number> {
  const args = ["run", "--network", network, "busybox", "echo", "ready"];
  const env = { PODVISOR_TEMPLATE: "use", ...spares.env };
  const started = await place.start(args, { env });
  await started.finish();
  await spares.madeUp();
  return started.milliseconds;
}

/**
 * A start in milliseconds: up to the first byte of output, and what host and guest spend on networks. Of the host's part
 * only what comes before the VM delays the start.
 */
interface TracedStart {
  whole: number;
  host: number;
  guest: number;
}

async function traceStart(place: Place, network: string): Promise<TracedStart> {
  const file = join(place.directory, "trace.json");
  const options = ["--network", network, "--trace", file];
  const env = { PODVISOR_TEMPLATE: "use" };
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
    host: duration("command", "network") + duration("command", "connect the network"),
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

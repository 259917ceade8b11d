/**
 * How long it takes to read a network namespace of 500 interfaces and 1,000 routes, against `ip -j addr; ip -j route` in
 * the same run. Needs root and iproute2. Prints one JSON object; exits with 1 when it takes longer than those.
 */
import {
  addAddress,
  addLink,
  addRoute,
  createNamespace,
  deleteNamespace,
  listLinks,
  NetlinkSocket,
  openNamespace,
  runIn,
  scanNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import { join } from "@std/path";

const LINKS = 500, ROUTES = 1000, ROUNDS = 20;

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

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function milliseconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const directory = await Deno.makeTempDir({ prefix: "podvisor-bench-" });
const path = join(directory, "namespace");
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
  let found = { links: 0, routes: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(
      await milliseconds(() => {
        const { links } = scanNamespace(namespace);
        const routes = links.reduce((sum, link) => sum + link.routes.length, 0);
        found = { links: links.length, routes };
      }),
    );
    theirs.push(await milliseconds(() => runIn(namespace, ["/bin/sh", "-c", shell])));
  }
  const ratio = median(ours) / median(theirs);
  const result = {
    ...found,
    firstScan: ours[0],
    scan: median(ours),
    ip: median(theirs),
    ratio,
    firstRatio: ours[0]! / median(theirs),
  };
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(result) + "\n"));
  if (ratio > 1) Deno.exitCode = 1;
} finally {
  deleteNamespace(path);
  await Deno.remove(directory, { recursive: true });
}

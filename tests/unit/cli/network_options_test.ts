import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { NETWORK_OPTIONS, readNameServers, readNetwork } from "../../../lib/cli/network_options.ts";
import { parseOptions } from "../../../lib/cli/options.ts";

const network = (...args: string[]) => readNetwork(parseOptions(args, NETWORK_OPTIONS));
const servers = (...args: string[]) => readNameServers(parseOptions(args, NETWORK_OPTIONS));

Deno.test("a pod has no network unless one is asked for", async () => {
  assertEquals(await network(), { kind: "none" });
  assertEquals(await network("--network", "none"), { kind: "none" });
  assertEquals(await network("--network", "user"), { kind: "user", ports: [] });
});

Deno.test("a port is published on all addresses of the host, or on one", async () => {
  const args = ["-p", "8080:80", "-p", "127.0.0.1:5353:53/udp"];
  assertEquals(await network("--network", "user", ...args), {
    kind: "user",
    ports: [
      { protocol: "tcp", address: "0.0.0.0", port: 8080, guestPort: 80 },
      { protocol: "udp", address: "127.0.0.1", port: 5353, guestPort: 53 },
    ],
  });
});

Deno.test("a namespace is found by its path, or by iproute2's name for it", async () => {
  const model = "tcfilter";
  assertEquals(await network("--network=netns:/x/y"), { kind: "netns", path: "/x/y", model });
  assertEquals(await network("--network=netns:blue", "--network-model=macvtap"), {
    kind: "netns",
    path: "/run/netns/blue",
    model: "macvtap",
  });
});

Deno.test("a pod on a bridge may be given one address and gateway of each family", async () => {
  const given = ["--ip", "10.1.0.2/16,FD01::0:2/64", "--gateway", "10.1.0.9"];
  assertEquals(await network("--network", "bridge:br0", ...given), {
    kind: "bridge",
    name: "br0",
    model: "tcfilter",
    addresses: ["10.1.0.2/16", "fd01::2/64"],
    gateways: ["10.1.0.9"],
  });
});

Deno.test("options that do not go with a network, and values that make no sense, are refused", async () => {
  const cases: [string, ...string[]][] = [
    ["--publish: it goes with --network user", "-p", "1:2"],
    ["--ip: it goes with", "--network", "user", "--ip", "10.0.0.1/8"],
    ["--network-model: it goes with", "--network-model", "macvtap"],
    ["one of none, user", "--network", "host"],
    ["one of none, user", "--network", "none:x"],
    ["one of none, user", "--network", "bridge:"],
    ["one of none, user", "--network", "bridge:longer-than-any-link"],
    ["it is like 8080:80", "--network", "user", "-p", "80"],
    ["it is like 8080:80", "--network", "user", "-p", "80:80,hostfwd=tcp"],
    ["ports are from 1", "--network", "user", "-p", "0:80"],
    ["ports are from 1", "--network", "user", "-p", "80:65536"],
    ["no IPv4 address", "--network", "user", "-p", "1.2.3:80:80"],
    ["its prefix length is missing", "--network", "bridge:b", "--ip", "10.0.0.1"],
    ["it has a prefix length", "--network", "bridge:b", "--gateway", "10.0.0.1/8"],
    ["Cannot read", "--network", "bridge:b", "--ip", "10.0.0/8"],
    ["one address of each family", "--network", "bridge:b", "--ip", "10.0.0.1/8,10.0.0.2/8"],
  ];
  for (const [message, ...args] of cases) {
    await assertRejects(() => network(...args), Failure, message);
  }
});

Deno.test("name servers are addresses, search domains are words", async () => {
  assertEquals(await servers(), undefined);
  assertEquals(await servers("--dns", "10.0.0.53", "--dns-search", "a.example"), {
    servers: ["10.0.0.53"],
    search: ["a.example"],
  });
  await assertRejects(() => servers("--dns", "ns.example"), Failure, "an IP address is needed");
  await assertRejects(() => servers("--dns-search", "a b"), Failure, "a domain is needed");
});

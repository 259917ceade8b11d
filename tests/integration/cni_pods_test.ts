/** Pods in namespaces that CNI's plugins have made. Needs root, iproute2, iptables and CNI's plugins. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { Bench, eventually } from "../harness/podvisor.ts";
import { makeSandbox, type Sandbox, settle } from "./network_sandbox.ts";

const CNI = "/usr/lib/cni";
const BRIDGE = {
  cniVersion: "0.4.0",
  name: "test",
  type: "bridge",
  bridge: "cni0",
  isGateway: true,
};
const PORTMAP = { cniVersion: "0.4.0", name: "test", type: "portmap", snat: true };

/** A host and a client of it, in namespaces; its plugins give `pod` an interface as a runtime of containers would. */
async function makeScene() {
  await using undo = new AsyncDisposableStack();
  const host = undo.use(await makeSandbox());
  const client = undo.use(await makeSandbox());
  const pod = undo.use(await makeSandbox());
  const bench = undo.use(await Bench.make());
  await host.run(
    "ip link set lo up; ip link add out type veth peer name in0;" +
      `ip link set in0 netns ${client.path}; ip link set out up; ip addr add 192.0.2.1/24 dev out;` +
      "echo 1 > /proc/sys/net/ipv4/ip_forward",
  );
  await client.run("ip link set lo up; ip link set in0 up; ip addr add 192.0.2.2/24 dev in0");
  await settle(host, client);
  const plugin = async (command: string, config: { type: string }): Promise<unknown> => {
    const environment = `CNI_COMMAND=${command} CNI_CONTAINERID=test CNI_NETNS=${pod.path}`;
    const shell = `export ${environment} CNI_IFNAME=eth0 CNI_PATH=${CNI};` +
      `echo '${JSON.stringify(config)}' | ${CNI}/${config.type}`;
    return JSON.parse((await host.run(shell)) || "null");
  };
  const kept = undo.move();
  return { host, client, pod, bench, plugin, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** What bridge and host-local are told. */
function bridgeConfig(bench: Bench) {
  const ranges = [[{ subnet: "10.99.0.0/24" }], [{ subnet: "fd99::/64" }]];
  const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
  const dataDir = join(bench.state, "leases");
  return { ...BRIDGE, ipam: { type: "host-local", dataDir, ranges, routes } };
}

/** The first line that a server sends; nothing when there is none yet. */
async function ask(from: Sandbox, address: string): Promise<string | undefined> {
  const answer = await from.run(`busybox nc -w 2 ${address} < /dev/null || true`);
  return answer === "" ? undefined : answer;
}

Deno.test("a namespace that CNI's bridge and host-local have made works unchanged", async () => {
  await using scene = await makeScene();
  const { pod, bench, plugin } = scene;
  const config = bridgeConfig(bench);
  await plugin("ADD", config);
  await settle(pod);
  const before = await pod.dump();
  const { code, stdout, stderr } = await bench.podvisor([
    ...["run", "--network", `netns:${pod.path}`, "busybox", "sh", "-ec"],
    "ip addr; ip route; ping -c 1 10.99.0.1; ping -6 -c 1 fd99::1",
  ]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /inet 10\.99\.0\.2\/24/);
  assertMatch(stdout, /inet6 fd99::2\/64/);
  assertMatch(stdout, /default via 10\.99\.0\.1 dev eth0/);
  assertEquals(stdout.match(/ 0% packet loss/g)?.length, 2);
  await settle(pod);
  assertEquals(await pod.dump(), before);
  await plugin("DEL", config);
  await bench.assertNothingLeft();
});

Deno.test("a port that CNI's portmap has published leads to the pod, from the host and from elsewhere", async () => {
  await using scene = await makeScene();
  const { host, client, pod, bench, plugin } = scene;
  const config = bridgeConfig(bench);
  const prevResult = await plugin("ADD", config);
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
  const ports = { ...PORTMAP, prevResult, runtimeConfig: { portMappings } };
  await plugin("ADD", ports);
  const rules = await host.run("iptables-save -t nat");
  const server = "while true; do echo hello from the pod | nc -l -p 80; done";
  const network = ["--network", `netns:${pod.path}`];
  for (
    const args of [["pod", "run", "p", ...network], [
      ...[
        "container",
        "run",
        "-d",
        "--pod",
        "p",
        "--name",
        "server",
        "busybox",
        "sh",
        "-c",
        server,
      ],
    ]]
  ) {
    const { code, stderr } = await bench.podvisor(args);
    assertEquals(code, 0, stderr);
  }
  for (const from of [client, host]) {
    const text = await eventually("the pod answers", () => ask(from, "192.0.2.1 8080"));
    assertEquals(text, "hello from the pod\n");
  }
  assertEquals((await bench.podvisor(["pod", "rm", "--force", "p"])).code, 0);
  assertEquals(withoutCounts(await host.run("iptables-save -t nat")), withoutCounts(rules));
  await plugin("DEL", ports);
  await plugin("DEL", config);
  await bench.assertNothingLeft();
});

/** Comments have the time, chains count what passed. */
function withoutCounts(rules: string): string {
  return rules.replaceAll(/^#.*$/gm, "").replaceAll(/\[\d+:\d+\]/g, "");
}

/** Pods on a bridge, in a network namespace that stands for the host. Needs root and iproute2. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Bench, eventually } from "../harness/podvisor.ts";
import { makeSandbox, type Sandbox, settle } from "./network_sandbox.ts";

/** Two ports to listen on, one after the other; nothing is sent back, so that nobody hangs up early. */
const TWICE_RECEIVED = "mkfifo /dev/shm/open; for port in 5000 5001; do " +
  "nc -l -p $port <> /dev/shm/open | sha256sum; done";

/** Answers one packet. */
const UDP_SERVER = "socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(5353, INADDR_ANY));" +
  'my $from = recv(S, my $text, 99, 0); send(S, "pod got $text", 0, $from);';

/** All but what a bridge itself makes of the ports that come and go: its state, and its offloads. */
async function inventory(host: Sandbox): Promise<string> {
  const text = await host.run(
    "ip -o link | cut -d' ' -f2; ip -o addr; ip route show table all; ip -6 route; bridge link; tc qdisc",
  );
  return text.replaceAll("linkdown ", "");
}

/** A host of the test's own, with a bridge, and podvisor at work on it. */
async function makeHost() {
  await using undo = new AsyncDisposableStack();
  const host = undo.use(await makeSandbox());
  await host.run(
    "ip link set lo up; ip link add br0 address 02:00:00:00:88:01 type bridge; ip link set br0 up;" +
      "ip addr add 10.88.0.1/24 dev br0; ip addr add fd88::1/64 dev br0 nodad",
  );
  await host.run("ip link set br0 addrgenmode none; ip -6 addr flush dev br0 scope link");
  const bench = undo.use(await Bench.make());
  const finish = (...args: string[]) => bench.podvisor(args, { namespace: host.path });
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await finish(...args);
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const kept = undo.move();
  return { host, bench, must, finish, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

Deno.test("two pods on a bridge reach each other by IPv4 and IPv6, and leave nothing on it", async () => {
  await using scene = await makeHost();
  const { host, bench, must } = scene;
  const before = await inventory(host);
  await must("pod", "run", "one", "--network", "bridge:br0", "--dns-search", "pods.example");
  await must("pod", "run", "two", "--network", "bridge:br0", "--dns", "10.88.0.1");
  await must(
    ...["container", "run", "-d", "--pod", "one", "--name", "server"],
    ...["busybox", "sh", "-c", TWICE_RECEIVED],
  );
  const seen = await must(
    ...["container", "run", "--pod", "two", "--name", "client", "busybox", "sh", "-ec"],
    "ip addr show eth0; ip route; ip -6 route; cat /etc/resolv.conf /etc/hosts;" +
      "ping -c 1 10.88.0.2; ping -6 -c 1 fd88::2; ping -c 1 10.88.0.1; ping -6 -c 1 fd88::1;" +
      "head -c 10000000 /dev/urandom > /dev/shm/part; cd /dev/shm;" +
      "five() { cat part part part part part; }; five | nc 10.88.0.2 5000;" +
      "until five | nc fd88::2 5001 2> /dev/null; do sleep 0.1; done; five | sha256sum",
  );
  assertMatch(seen, /inet 10\.88\.0\.3\/24 brd 10\.88\.0\.255/);
  assertMatch(seen, /inet6 fd88::3\/64/);
  assertMatch(seen, /default via 10\.88\.0\.1 dev eth0/);
  assertMatch(seen, /default via fd88::1 dev eth0/);
  assertMatch(seen, /nameserver 10\.88\.0\.1/);
  assertMatch(seen, /10\.88\.0\.3\s+two/);
  assertEquals(seen.match(/ 0% packet loss/g)?.length, 4);
  const [sum] = /[0-9a-f]{64}/.exec(seen)!;
  await must("container", "wait", "server");
  const received = await must("container", "logs", "server");
  assertEquals(received.match(/[0-9a-f]{64}/g), [sum, sum]);
  assertStringIncludes(
    await must("container", "run", "--pod", "one", "busybox", "cat", "/etc/resolv.conf"),
    "search pods.example",
  );
  await must("pod", "stop", "one");
  await must("pod", "rm", "--force", "one", "two");
  await bench.assertNothingLeft();
  await settle(host);
  assertEquals(await inventory(host), before);
});

Deno.test("an address is chosen, taken and given back; one that is taken is refused", async () => {
  await using scene = await makeHost();
  const { host, must, finish } = scene;
  const before = await inventory(host);
  const given = ["--ip", "10.88.0.77/24", "--gateway", "10.88.0.254"];
  await must("pod", "create", "one", "--network", "bridge:br0", ...given);
  const same = await finish("run", "--network", "bridge:br0", ...given, "busybox", "true");
  assertEquals(same.code, 125);
  assertStringIncludes(same.stderr, "Cannot give the pod 10.88.0.77/24: another pod");
  const seen = await must("container", "run", "--pod", "one", "busybox", "ip", "route");
  assertMatch(seen, /default via 10\.88\.0\.254/);
  const none = await finish("run", "--network", "bridge:br1", "busybox", "true");
  assertStringIncludes(none.stderr, "there is none of that name");
  const other = await finish("run", "--network", "bridge:lo", "busybox", "true");
  assertStringIncludes(other.stderr, "it is something else");
  await must("pod", "rm", "--force", "one");
  await settle(host);
  assertEquals(await inventory(host), before);
});

Deno.test("a published port of a pod behind QEMU's gateway is reached from the host", async () => {
  await using bench = await Bench.make();
  const port = freePort();
  const run = bench.start([
    ...["run", "--network", "user", "-p", `127.0.0.1:${port}:80`],
    ...["busybox", "sh", "-c", "echo hello from the pod | nc -l -p 80"],
  ]);
  const text = await eventually("the pod answers", async () => {
    const answer = await ask(port);
    return answer === "" ? undefined : answer;
  });
  assertEquals(text, "hello from the pod\n");
  assert((await run.output()).success);
  await bench.assertNothingLeft();
});

Deno.test("a published UDP port of a pod is reached from the host", async () => {
  await using bench = await Bench.make();
  const port = freePort();
  // Busybox speaks no UDP.
  const perl = [
    "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "/usr/bin/perl",
    "-MSocket",
    "-e",
    UDP_SERVER,
  ];
  const run = bench.start([
    ...["run", "--network", "user", "-p", `127.0.0.1:${port}:5353/udp`, "-v", "/usr:/usr:ro"],
    ...["-e", "LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu", "busybox", ...perl],
  ]);
  const text = await eventually("the pod answers", async () => {
    const answer = await askByUdp(port, "a question");
    return answer === "" ? undefined : answer;
  });
  assertEquals(text, "pod got a question\n");
  assert((await run.output()).success);
  await bench.assertNothingLeft();
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What a server answers to a packet within a second; empty when there is none yet. */
async function askByUdp(port: number, question: string): Promise<string> {
  const shell =
    `exec 3<>/dev/udp/127.0.0.1/${port}; echo '${question}' >&3; timeout 1 head -n 1 <&3`;
  const { stdout } = await new Deno.Command("bash", { args: ["-c", shell] }).output();
  return new TextDecoder().decode(stdout);
}

/** What a server says at once; empty when there is none yet. */
async function ask(port: number): Promise<string> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const memory = new Uint8Array(100);
    const count = await connection.read(memory) ?? 0;
    return new TextDecoder().decode(memory.subarray(0, count));
  } catch {
    return "";
  }
}

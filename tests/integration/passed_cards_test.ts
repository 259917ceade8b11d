/** Interfaces that get into the VM without a tap. Needs root and iproute2. */
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../lib/failure.ts";
import { NetlinkSocket, scanNamespace } from "../../lib/network/mod.ts";
import { disconnect, identify } from "../../lib/pod/network/disconnect.ts";
import { type NetworkRecord, readNetworkRecord } from "../../lib/pod/network/network_record.ts";
import { passLinks } from "../../lib/pod/network/pass_links.ts";
import { PodDirectory } from "../../lib/pod/store.ts";
import { Bench } from "../harness/podvisor.ts";
import { FakeCard } from "./fake_card.ts";
import { MAC, makePod } from "./network_pod.ts";
import { makeSandbox, settle } from "./network_sandbox.ts";
import { Switch } from "./vhost_user_switch.ts";

Deno.test("a VM hands its memory to the switch that listens for its address", async () => {
  await using pod = await makeSandbox();
  const [a, b] = crypto.getRandomValues(new Uint8Array(2));
  const address = `10.${a}.${b}.2`;
  await pod.run(
    `ip link add eth0 address ${MAC} type veth peer name peer0; ip link set eth0 up;` +
      `ip link set peer0 addrgenmode none; ip link set peer0 up; ip addr add ${address}/24 dev eth0`,
  );
  await settle(pod);
  const before = await pod.dump();
  const directory = `/tmp/vhostuser_${address}`;
  await Deno.mkdir(directory);
  try {
    await using peer = new Switch(join(directory, "vhu.sock"));
    await using bench = await Bench.make();
    const network = ["--network", `netns:${pod.path}`];
    const started = await bench.podvisor(["pod", "run", "p", ...network]);
    assertEquals(started.code, 0, started.stderr);
    await peer.memoryShared;
    const command = ["container", "run", "--pod", "p", "busybox", "ip", "addr", "show", "eth0"];
    const { stdout } = await bench.podvisor(command);
    for (const text of [MAC, `inet ${address}/24`]) assertStringIncludes(stdout, text);
    const removed = await bench.podvisor(["network", "rm", "--interface", "eth0", "p"]);
    assertMatch(removed.stderr, /the VM has its card as such/);
    await bench.podvisor(["pod", "rm", "--force", "p"]);
    await bench.assertNothingLeft();
    assertEquals(await pod.dump(), before);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** A pod's namespace, with a card behind its interface, and the record of a pod in it. */
async function makeScene(iommu: boolean) {
  await using undo = new AsyncDisposableStack();
  const { pod } = undo.use(await makePod());
  const host = undo.use(await makeSandbox());
  const state = await Deno.makeTempDir();
  undo.defer(() => Deno.remove(state, { recursive: true }));
  const directory = new PodDirectory(state, "p");
  await Deno.mkdir(directory.path, { recursive: true });
  const card = undo.use(await FakeCard.make({ from: pod, to: host, iommu }));
  const { dev: device, ino: inode } = identify(pod.namespace);
  const record: NetworkRecord = {
    version: 1,
    namespace: { path: pod.path, device, inode },
    cards: [],
    routes: [],
  };
  const link = scanNamespace(pod.namespace).links.find(({ name }) => name === "eth0")!;
  const links = [{ kind: "physical" as const, link, address: card.address }];
  const pass = () => passLinks(directory, record, pod.namespace, links, card.sysfs);
  const kept = undo.move();
  return { pod, host, directory, card, pass, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

Deno.test("a card of the host goes to vfio-pci, and comes back to its driver and namespace", async () => {
  await using scene = await makeScene(true);
  const { pod, host, directory, card } = scene;
  const before = await pod.dump();
  const { cards, interfaces } = await scene.pass();
  assertEquals(card.driver, "vfio-pci");
  assertEquals(cards.map(({ kind, id }) => [kind, id.startsWith("pass")]), [["physical", true]]);
  assertEquals(interfaces.map(({ newDeviceName, macAddr }) => [newDeviceName, macAddr]), [
    ["eth0", MAC],
  ]);
  assertEquals((await pod.json("ip -j link show type veth")).length, 0);
  // Another process does it, with nothing but the record.
  const record = await readNetworkRecord(directory);
  using outside = NetlinkSocket.open(host.namespace);
  for (let time = 1; time <= 2; time++) {
    await disconnect(record, { sysfs: card.sysfs, host: outside });
    assertEquals(card.driver, "e1000");
    await settle(pod);
    assertEquals(await pod.dump(), before);
  }
});

Deno.test("a card that no IOMMU is in charge of is refused, and nothing is changed", async () => {
  await using scene = await makeScene(false);
  const before = await scene.pod.dump();
  await assertRejects(scene.pass, Failure, "no IOMMU is in charge of it");
  assertEquals(scene.card.driver, "e1000");
  assertEquals(await scene.pod.dump(), before);
  assertEquals((await readNetworkRecord(scene.directory)).cards, []);
});

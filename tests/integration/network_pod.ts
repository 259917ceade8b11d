import { assertEquals } from "@std/assert";
import {
  addAddress,
  addLink,
  addNeighbour,
  ADDRESS_FLAGS,
  addRoute,
  type EndpointRecord,
  getLink,
  type InterworkingModel,
  NetlinkSocket,
  planEndpoint,
  setLink,
} from "../../lib/network/mod.ts";
import { makeSandbox, type Sandbox, settle } from "./network_sandbox.ts";

/** Hardware addresses of the two ends. */
export const MAC = "02:00:00:00:aa:01", PEER = "02:00:00:00:bb:01";
/** The models that change something. */
export const MODELS: InterworkingModel[] = ["tcfilter", "macvtap", "bridged"];

/** A pod's namespace with one interface, whose other end is in a second namespace. */
export async function makePod(): Promise<{ pod: Sandbox; world: Sandbox } & AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const pod = undo.use(await makeSandbox());
  const world = undo.use(await makeSandbox());
  using inPod = NetlinkSocket.open(pod.namespace);
  using outside = NetlinkSocket.open(world.namespace);
  addLink(inPod, {
    kind: "veth",
    name: "eth0",
    mac: MAC,
    mtu: 1400,
    peer: { name: "peer0", mac: PEER, mtu: 1400, namespace: world.namespace },
  });
  setLink(outside, getLink(outside, "peer0"), { up: true });
  const eth0 = getLink(inPod, "eth0");
  setLink(inPod, eth0, { up: true });
  setLink(inPod, getLink(inPod, "lo"), { up: true });
  furnish(inPod, eth0.index);
  await settle(pod, world);
  const kept = undo.move();
  return { pod, world, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Addresses, routes and neighbours of many kinds. */
function furnish(socket: NetlinkSocket, link: number): void {
  const eth0 = { index: link, name: "eth0" };
  addAddress(socket, eth0, { address: "10.1.0.2", prefixLength: 24, broadcast: "10.1.0.255" });
  addAddress(socket, eth0, { address: "10.1.0.3", prefixLength: 24, label: "eth0:1" });
  addAddress(socket, eth0, { address: "10.7.0.2", prefixLength: 32, peer: "10.7.0.1" });
  for (const address of ["fd01::2", "fd01::3"]) {
    const flags = ADDRESS_FLAGS.NODAD;
    addAddress(socket, eth0, { address, prefixLength: 64, flags, metric: 300 });
  }
  const [four, six] = [{ link, gateway: "10.1.0.1" }, { link, gateway: "fd01::1" }];
  addRoute(socket, { destination: "169.254.1.1/32", hops: [{ link }] });
  addRoute(socket, { destination: "0.0.0.0/0", hops: [{ link, gateway: "169.254.1.1" }] });
  addRoute(socket, { destination: "10.20.0.0/16", hops: [four], metric: 7, mtu: 1300 });
  addRoute(socket, {
    destination: "10.20.0.0/16",
    hops: [{ link, gateway: "10.1.0.9" }],
    metric: 9,
  });
  addRoute(socket, { destination: "10.21.0.0/16", hops: [four], table: 1000, source: "10.1.0.3" });
  addRoute(socket, { destination: "10.22.0.0/16", hops: [four, { link, gateway: "10.1.0.4" }] });
  addRoute(socket, {
    destination: "10.23.0.0/16",
    hops: [{ ...four, gateway: "1.2.3.4", onlink: true }],
  });
  addRoute(socket, { destination: "10.24.0.0/16", hops: [six] });
  addRoute(socket, { destination: "::/0", hops: [six] });
  addRoute(socket, {
    destination: "fd22::/32",
    hops: [six, { link, gateway: "fd01::9", weight: 3 }],
  });
  addNeighbour(socket, eth0, { address: "10.1.0.1", mac: PEER });
  addNeighbour(socket, eth0, { address: "fd01::1", mac: PEER });
}

/** Plans the connection of the pod's interface. */
export function plan(pod: Sandbox, model: InterworkingModel): EndpointRecord {
  using socket = NetlinkSocket.open(pod.namespace);
  return planEndpoint(socket, getLink(socket, "eth0"), model);
}

/** Fails unless the namespace is, by all dumps, as it was. */
export async function assertUndone(pod: Sandbox, before: unknown): Promise<void> {
  await settle(pod);
  assertEquals(await pod.dump() as unknown, before);
}

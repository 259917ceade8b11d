import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import type { Vm } from "../../hypervisor/mod.ts";
import {
  giveWay,
  identifyProcess,
  isAlive,
  killProcess,
  lockFile,
  openIdentified,
  type ProcessIdentity,
  waitForEnd,
} from "../../sys/mod.ts";
import type { ContainerConfig, PodConfig, PodRecord } from "../records.ts";
import { unshareContainer } from "../share.ts";
import { type PodDirectory, PodStore } from "../store.ts";
import { type PodTools, vmRecord } from "../tools.ts";
import { atRest } from "../templates/at_rest.ts";
import { bootForLater } from "../templates/boot_for_later.ts";
import { prime, WARM_UP } from "../templates/warm_up.ts";
import {
  countSpares,
  findTaker,
  isOffered,
  offerSpare,
  spareStore,
  withdrawSpare,
} from "./spare_store.ts";

/** How often a spare's keeper looks whether it has been taken, in milliseconds. */
const LOOK = 500;
/** A spare that is to be. */
export interface SpareRequest {
  /** What the pods that take it are made with. */
  tools: PodTools;
  /** A pod of the shape that it is for. */
  pod: PodConfig;
  /** The throw-away container that it is primed with, with busybox. */
  container: ContainerConfig;
  /** Key of the template that it is restored from. */
  key: string;
  /** How many are to wait. */
  count: number;
  /** How long it waits for a pod, in milliseconds. */
  time: number;
  /** Called when there is one and others are missing still. */
  onMissing: () => void;
  signal: AbortSignal;
}

/**
 * Restores a VM that waits for a pod, unless there are enough, and keeps it: one that nobody takes in time is ended, and
 * so is one that has been taken by a command that ended without ending it. Returns when there is nothing left to do.
 *
 * @throws {Failure} when it cannot be made; nothing of it is left then
 */
export async function keepSpare(request: SpareRequest): Promise<void> {
  const { tools: { store: { root } }, key, count } = request;
  const made = await makeMissing(request);
  if (!made) return;
  await using undo = new AsyncDisposableStack();
  const { directory } = made;
  undo.defer(() => spareStore(root).remove(directory.id));
  giveWay();
  if (await countSpares(root, key) < count) request.onMissing();
  if (await waitForTaker(request, made) === "taken") await watchTaker(request.tools.store, made);
}

interface Spare {
  directory: PodDirectory;
  vm: Vm;
  proxy: ProcessIdentity | null;
}

/** One at a time: two that count at once would make too many. */
async function makeMissing(request: SpareRequest): Promise<Spare | undefined> {
  const { tools: { store: { root } }, key, count } = request;
  const { root: place } = spareStore(root);
  await Deno.mkdir(place, { recursive: true, mode: 0o700 });
  using _lock = await lockFile(join(place, "making.lock"));
  if (await countSpares(root, key) >= count) return undefined;
  return await make(request);
}

async function make({ tools, pod, container, key, signal }: SpareRequest): Promise<Spare> {
  const store = spareStore(tools.store.root);
  await using undo = new AsyncDisposableStack();
  const { directory, agent, vm, proxy } = await bootForLater(undo, {
    tools: { store, hypervisor: tools.hypervisor },
    pod,
    container,
    dieWithParent: false,
    signal,
  });
  if (!vm.template?.restored || vm.template.details.key !== key) {
    throw new Failure("Cannot make a spare: there is no such template any more");
  }
  // Further ones make its starts no faster.
  await prime(agent, container);
  await agent.emptyPod();
  agent.close();
  unshareContainer(directory, vm.process.pid, WARM_UP);
  await store.removeContainer(directory.id, WARM_UP);
  // What the throw-away container leaves to be done is done by then.
  await atRest(vm.process.pid);
  await offerSpare(directory, {
    version: 1,
    key,
    path: directory.path,
    vm: vmRecord(vm),
    proxy,
    keeper: identifyProcess(Deno.pid)!,
  });
  undo.move();
  return { directory, vm, proxy: proxy.process };
}

async function waitForTaker(
  { time, signal }: SpareRequest,
  spare: Spare,
): Promise<"taken" | "ended"> {
  const { directory, vm, proxy } = spare;
  using process = openIdentified(vm.process);
  const latest = performance.now() + time;
  while (process && !await waitForEnd(process, LOOK)) {
    if (!await isOffered(directory)) return "taken";
    const over = signal.aborted || performance.now() >= latest || !proxy || !isAlive(proxy);
    if (!over) continue;
    if (!await withdrawSpare(directory)) return "taken";
    break;
  }
  await end(spare);
  return "ended";
}

/** Until a pod that is to last is up, and of one that is not as long as it is there, its VM ends with its command. */
async function watchTaker(store: PodStore, spare: Spare): Promise<void> {
  const { directory, vm } = spare;
  using process = openIdentified(vm.process);
  const taker = await findTaker(store.root, directory.path);
  const read = async () => taker === undefined ? undefined : await store.findPod(taker);
  let pod: PodRecord | undefined = await read();
  while (process && pod?.owner && isAlive(pod.owner)) {
    if (await waitForEnd(process, LOOK)) break;
    pod = await read();
  }
  if (pod?.owner !== null) await end(spare);
}

async function end({ vm, proxy }: Spare): Promise<void> {
  await Promise.all([vm.kill(), killProcess(proxy)]);
}

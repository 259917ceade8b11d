import type { VmOrigin } from "../../hypervisor/mod.ts";
import { endProcess, identifyProcess } from "../../sys/mod.ts";
import { addPod } from "../add_pod.ts";
import { type BootedPod, bootPod } from "../boot.ts";
import { makeName } from "../identifier.ts";
import type { ContainerConfig, PodConfig } from "../records.ts";
import { releaseOutside } from "../release_outside.ts";
import { shareContainer } from "../share.ts";
import type { PodDirectory } from "../store.ts";
import { type PodTools, vmRecord } from "../tools.ts";
import { shapeOfNetwork } from "./shape_options.ts";
import { WARM_UP } from "./warm_up.ts";

/** A pod that is brought up before anybody asks for it. */
export interface LaterPod {
  /** Where it is kept meanwhile, and what it is started with. */
  tools: Pick<PodTools, "store" | "hypervisor">;
  /** A pod of the shape that it is to be of. */
  pod: PodConfig;
  /** The throw-away container, whose root is shared as {@linkcode WARM_UP}'s. */
  container: ContainerConfig;
  /** Default: a template. */
  origin?: VmOrigin;
  /** Whether its VM ends with this command, however it ends. */
  dieWithParent: boolean;
  signal: AbortSignal;
}

/**
 * Brings up a pod that this process owns, for throw-away containers to run in.
 *
 * @param undo takes what removes all of it again
 * @throws {Failure}
 */
export async function bootForLater(
  undo: AsyncDisposableStack,
  { tools: { store, hypervisor }, pod, container, origin, dieWithParent, signal }: LaterPod,
): Promise<BootedPod & { directory: PodDirectory }> {
  const owner = identifyProcess(Deno.pid)!;
  const own = { ...pod, network: shapeOfNetwork(pod) };
  const { directory, record } = await addPod(store, makeName(), own, owner);
  undo.defer(() => store.remove(directory.id));
  undo.defer(() => releaseOutside(directory));
  const { agent, vm, proxy } = await bootPod({
    directory,
    pod: record,
    launch: (options) => hypervisor.launch(options),
    ...(origin ? { origin } : {}),
    dieWithParent,
    onLaunched: async (vm) => {
      await store.writePod({ ...record, vm: vmRecord(vm) });
      await shareContainer(directory, vm.process.pid, WARM_UP, container);
    },
    signal,
  });
  undo.defer(() => vm.kill());
  undo.defer(() => endProcess(proxy.process));
  undo.defer(() => agent.close());
  return { directory, agent, vm, proxy };
}

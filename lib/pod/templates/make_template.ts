import { Failure } from "../../failure.ts";
import type {
  TemplateDetails,
  TemplateManifest,
  TemplatePlace,
  TemplateStore,
} from "../../hypervisor/mod.ts";
import { identifyProcess } from "../../sys/mod.ts";
import { addPod } from "../add_pod.ts";
import { bootPod } from "../boot.ts";
import { endProcess } from "../end_process.ts";
import { makeName } from "../identifier.ts";
import type { ContainerConfig, PodConfig } from "../records.ts";
import { releaseOutside } from "../release_outside.ts";
import { shareContainer } from "../share.ts";
import { type PodTools, vmRecord } from "../tools.ts";
import { atRest } from "./at_rest.ts";
import { WARM_UP, warmUp } from "./warm_up.ts";

/** What a template is made of. */
export interface TemplateRequest {
  tools: PodTools;
  templates: TemplateStore;
  /** A pod of the shape that the template is for. */
  pod: PodConfig;
  /** A container to warm the guest up with, with busybox. */
  container: ContainerConfig;
  /** Whether to wait for others that make a template; otherwise none is made then. */
  wait: boolean;
  /** Whether one that is there is made anew. */
  replace: boolean;
  signal: AbortSignal;
}

/**
 * Boots a pod, warms its guest up and saves it.
 *
 * @returns nothing when there is such a template already, or somebody else makes one
 * @throws {Failure} when it cannot be made; nothing is left then
 */
export async function makeTemplate(
  request: TemplateRequest,
): Promise<TemplateManifest | undefined> {
  const { templates, wait } = request;
  return await templates.make((place) => fill(request, place), { wait });
}

async function fill(
  { tools: { store, hypervisor }, templates, pod, container, replace, signal }: TemplateRequest,
  place: TemplatePlace,
): Promise<TemplateDetails | undefined> {
  const id = makeName();
  await using undo = new AsyncDisposableStack();
  const owner = identifyProcess(Deno.pid)!;
  const { directory, record } = await addPod(store, id, pod, owner);
  undo.defer(() => store.remove(id));
  undo.defer(() => releaseOutside(directory));
  const { agent, vm, proxy } = await bootPod({
    directory,
    pod: record,
    launch: (options) => hypervisor.launch(options),
    origin: { kind: "new-template", ram: place.ram },
    dieWithParent: true,
    onLaunched: async (vm) => {
      await store.writePod({ ...record, vm: vmRecord(vm) });
      await shareContainer(directory, vm.process.pid, WARM_UP, container);
    },
    signal,
  });
  undo.defer(() => vm.kill());
  undo.defer(() => endProcess(proxy.process));
  undo.defer(() => agent.close());
  const { template } = vm;
  if (!template) throw new Failure("Cannot make a template: such a pod can have none");
  const known = replace ? undefined : await templates.open(template.details.key);
  if (known) {
    known[Symbol.dispose]();
    return undefined;
  }
  await warmUp(agent, container);
  await agent.stopPod();
  // Its guest sees its host go; the next one that comes is greeted as the first one was.
  await endProcess(proxy.process);
  await atRest(vm.process.pid);
  await vm.save(place.state);
  await vm.kill();
  return template.details;
}

import { Failure } from "../../failure.ts";
import type {
  TemplateDetails,
  TemplateManifest,
  TemplatePlace,
  TemplateStore,
} from "../../hypervisor/mod.ts";
import { endProcess } from "../../sys/mod.ts";
import type { ContainerConfig, PodConfig } from "../records.ts";
import type { PodTools } from "../tools.ts";
import { atRest } from "./at_rest.ts";
import { bootForLater } from "./boot_for_later.ts";
import { warmUp } from "./warm_up.ts";

/** What a template is made of. */
export interface TemplateRequest {
  tools: PodTools;
  templates: TemplateStore;
  /** A pod of the shape that the template is for. */
  pod: PodConfig;
  /** A container to warm the guest up with, with busybox. */
  container: ContainerConfig;
  /** One with the same root and what engines ask for. */
  engines: ContainerConfig;
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
  { tools, templates, pod, container, engines, replace, signal }: TemplateRequest,
  place: TemplatePlace,
): Promise<TemplateDetails | undefined> {
  await using undo = new AsyncDisposableStack();
  const { agent, vm, proxy } = await bootForLater(undo, {
    tools,
    pod,
    container: engines,
    origin: { kind: "new-template", ram: place.ram },
    dieWithParent: true,
    signal,
  });
  const { template } = vm;
  if (!template) throw new Failure("Cannot make a template: such a pod can have none");
  const known = replace ? undefined : await templates.open(template.details.key);
  if (known) {
    known[Symbol.dispose]();
    return undefined;
  }
  await warmUp(agent, container, engines);
  await agent.stopPod();
  // Its guest sees its host go; the next one that comes is greeted as the first one was.
  await endProcess(proxy.process);
  await atRest(vm.process.pid);
  await vm.save(place.state);
  await vm.kill();
  return template.details;
}

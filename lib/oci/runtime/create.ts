import { join, resolve } from "@std/path";
import { Failure } from "../../failure.ts";
import { getLogger } from "../../log.ts";
import {
  type ContainerConfig,
  createContainer,
  createPod,
  holdContainer,
  loadPod,
  removeContainer,
  removePod,
  type ShimPlace,
  startPod,
  Undo,
  updatePod,
} from "../../pod/mod.ts";
import { startEngineShim } from "../../shim/mod.ts";
import { identifyProcess, type ProcessIdentity } from "../../sys/mod.ts";
import { readBundle } from "../bundle.ts";
import { cgroupDirectories, CgroupStay, removeCgroups } from "./cgroups.ts";
import { openStdio, sharedStdio, type Stdio } from "./console.ts";
import type { RuntimeContext } from "./context.ts";
import { type EngineSpec, readEngineSpec } from "./engine_spec.ts";
import { checkProgram, toldAsProgramFailure } from "./find_program.ts";
import { findSandbox } from "./find_sandbox.ts";
import { runHooksFor } from "./hooks_of.ts";
import { findMonitor, watchedGroup } from "./monitor.ts";
import { internalName } from "./names.ts";
import { type PidPlaces, tellProcess } from "./pid_file.ts";
import { readPodAnnotations } from "./pod_annotations.ts";
import { removeOwnNetwork } from "./remove_own_network.ts";
import { type EngineNetwork, engineNetwork, wantsOwnNetwork } from "./pod_network.ts";
import { podSize, sizeWith } from "./pod_size.ts";
import type { RuntimeRecord } from "./record.ts";

/** What `create` was asked for. */
export interface CreateOptions extends PidPlaces {
  id: string;
  bundle: string;
  consoleSocket?: string | undefined;
  /** The process shares this command's streams, a terminal among them, which waits for its end. */
  foreground?: boolean;
  signal: AbortSignal;
}

/** What a container is made from. */
interface Plan {
  record: RuntimeRecord;
  spec: EngineSpec;
  container: ContainerConfig;
  hostname: string;
  /** Whose pod it joins. */
  sandbox: RuntimeRecord | undefined;
}

/**
 * Makes a container, in a VM of its own or in that of its sandbox, and its shim, which has this command's streams. The
 * program itself is not started.
 *
 * @throws {Failure} saying what is in the way; nothing of the container is left then
 */
export async function createFromBundle(
  context: RuntimeContext,
  options: CreateOptions,
): Promise<RuntimeRecord> {
  const { store, tools } = context;
  const plan = await readPlan(context, options);
  const { record, container, spec, sandbox } = plan;
  await store.add(record);
  await using undo = new Undo({ container: record.id });
  undo.defer("its record", () => store.remove(record.id));
  // Part of a container's end, also of one that its first hooks have refused.
  undo.defer("its poststop hooks", () => runHooksFor(record, "stopped", ["poststop"]));
  undo.defer("its network", () => removeOwnNetwork(record));
  undo.defer("its control groups", () => removeCgroups(record.cgroups));
  using stdio = options.foreground
    ? sharedStdio()
    : openStdio(container.command, options.consoleSocket);
  using _groups = new CgroupStay(record.cgroups);
  using network = engineNetwork(spec, store.networkPath(record.id), sandbox);
  if (sandbox) {
    await growPod(context, plan);
  } else {
    await startPodFor(context, plan, network, options.signal);
    undo.defer("its pod", () => removePod(tools, record.pod, true));
  }
  const process = await addContainer(context, plan, stdio, network);
  if (sandbox) {
    undo.defer("its parts", () => removeContainer(tools, record.pod, record.container, true));
  }
  const made: RuntimeRecord = { ...record, maker: null, process };
  await runHooksFor(made, "creating", ["prestart", "createRuntime", "createContainer"]);
  await toldAsProgramFailure(
    container.command,
    () => holdContainer(tools, record.pod, record.container),
  );
  stdio.handOver();
  await store.write(made);
  tellProcess(options, process.pid);
  undo.keep();
  return made;
}

async function readPlan(
  { store }: RuntimeContext,
  { id, ...options }: CreateOptions,
): Promise<Plan> {
  const bundle = resolve(options.bundle);
  const spec = await readEngineSpec(bundle);
  const { container, hostname } = await readBundle(bundle, id);
  checkProgram(container);
  const sandbox = await findSandbox(store, id, spec);
  const name = await internalName(store.root, id);
  const record: RuntimeRecord = {
    version: 1,
    id,
    pod: sandbox?.pod ?? name,
    container: name,
    ownsPod: sandbox === undefined,
    bundle,
    rootfs: resolve(bundle, spec.root?.path ?? ""),
    created: new Date().toISOString(),
    annotations: spec.annotations ?? {},
    maker: identifyProcess(Deno.pid)!,
    monitor: findMonitor(),
    process: null,
    ownNetwork: sandbox || !wantsOwnNetwork(spec) ? null : store.networkPath(id),
    cgroups: cgroupDirectories(spec.linux?.cgroupsPath, id),
    hooks: spec.hooks ?? {},
  };
  return { record, spec, container, hostname: hostname ?? id, sandbox };
}

/** When this fails nothing of the pod is left. */
async function startPodFor(
  { tools, defaults, allowedAnnotations }: RuntimeContext,
  { record, spec, hostname }: Plan,
  network: EngineNetwork,
  signal: AbortSignal,
): Promise<void> {
  const base = { ...defaults, ...readPodAnnotations(record.annotations, allowedAnnotations) };
  await using undo = new Undo({ pod: record.pod });
  await createPod(tools, record.pod, {
    ...base,
    ...podSize(base, spec),
    hostname,
    network: network.config,
  }, signal);
  undo.defer("its VM", () => removePod(tools, record.pod, true));
  await startPod(tools, record.pod, signal);
  undo.keep();
}

/** A VM that cannot grow holds the container all the same, as far as its memory goes. */
async function growPod(
  { tools, defaults }: RuntimeContext,
  { record: { pod }, spec }: Plan,
): Promise<void> {
  const loaded = await loadPod(tools.store, pod);
  const { memoryMiB, vcpus } = sizeWith(loaded, defaults, spec);
  const { config } = loaded.pod;
  if (memoryMiB === config.memoryMiB && vcpus === config.vcpus) return;
  try {
    await updatePod(tools, pod, { memoryMiB, vcpus });
  } catch (error) {
    getLogger("oci").warn("VM not made larger for a further container", { pod, error });
  }
}

async function addContainer(
  { tools }: RuntimeContext,
  { record, container }: Plan,
  { ownTerminal, descriptors }: Stdio,
  { namespace }: EngineNetwork,
): Promise<ProcessIdentity> {
  const starter = (place: ShimPlace) =>
    startEngineShim({
      ...place,
      terminal: container.command.terminal,
      ownTerminal,
      stdio: descriptors,
      // Where conmon would leave it for podman and CRI-O, could it see into the VM.
      oom: join(record.bundle, "oom"),
      ...watchedGroup(record.cgroups),
      ...(namespace ? { networkNamespace: namespace } : {}),
      view: { root: record.rootfs, readOnly: container.readOnlyRoot, binds: container.volumes },
    });
  const { shim } = await createContainer(tools, record.pod, record.container, container, starter);
  if (shim && "pid" in shim) return shim;
  throw new Failure(`Cannot make the container ${record.id}: its shim ended at once`, {
    hint: `See podvisor logs --pod ${record.pod}`,
  });
}

import { resolve } from "@std/path";
import { Failure } from "../../failure.ts";
import {
  type ContainerConfig,
  createContainer,
  createPod,
  loadPod,
  removeContainer,
  removePod,
  startPod,
} from "../../pod/mod.ts";
import { startEngineShim } from "../../shim/mod.ts";
import { identifyProcess } from "../../sys/mod.ts";
import { readBundle } from "../bundle.ts";
import { cgroupDirectories, CgroupStay, removeCgroups } from "./cgroups.ts";
import { openStdio, sharedStdio, type Stdio } from "./console.ts";
import type { RuntimeContext } from "./context.ts";
import { type EngineSpec, readEngineSpec } from "./engine_spec.ts";
import { checkProgram } from "./find_program.ts";
import { runHooksFor } from "./hooks_of.ts";
import { internalName } from "./names.ts";
import { writePidFile } from "./pid_file.ts";
import { choosePod } from "./pod_choice.ts";
import { engineNetwork } from "./pod_network.ts";
import { podSize } from "./pod_size.ts";
import type { RuntimeRecord } from "./record.ts";

/** What `create` was asked for. */
export interface CreateOptions {
  id: string;
  bundle: string;
  consoleSocket?: string | undefined;
  pidFile?: string | undefined;
  /** The process shares this command's streams, a terminal among them, which waits for its end. */
  foreground?: boolean;
  signal: AbortSignal;
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
  const { store } = context;
  const bundle = resolve(options.bundle);
  const spec = await readEngineSpec(bundle);
  const { container, hostname } = await readBundle(bundle);
  checkProgram(container);
  const { pod, ownsPod } = await placeOf(context, options.id, spec);
  const record: RuntimeRecord = {
    version: 1,
    id: options.id,
    pod,
    container: await internalName(store.root, options.id),
    ownsPod,
    bundle,
    rootfs: resolve(bundle, spec.root?.path ?? ""),
    created: new Date().toISOString(),
    annotations: spec.annotations ?? {},
    maker: identifyProcess(Deno.pid)!,
    process: null,
    cgroups: cgroupDirectories(spec.linux?.cgroupsPath, options.id),
    hooks: spec.hooks ?? {},
  };
  await store.add(record);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => store.remove(record.id));
  undo.defer(() => removeCgroups(record.cgroups));
  using stdio = options.foreground
    ? sharedStdio()
    : openStdio(container.command, options.consoleSocket);
  const made = await makeParts(
    context,
    options,
    { record, spec, container, hostname, stdio },
    undo,
  );
  await runHooksFor(made, "creating", ["prestart", "createRuntime", "createContainer"]);
  stdio.handOver();
  await store.write(made);
  if (options.pidFile !== undefined) await writePidFile(options.pidFile, made.process!.pid);
  undo.move();
  return made;
}

async function placeOf(
  { store }: RuntimeContext,
  id: string,
  spec: EngineSpec,
): Promise<Pick<RuntimeRecord, "pod" | "ownsPod">> {
  const choice = await choosePod(store, id, spec);
  return choice.kind === "join"
    ? { pod: choice.sandbox.pod, ownsPod: false }
    : { pod: await internalName(store.root, id), ownsPod: true };
}

async function makeParts(
  context: RuntimeContext,
  { signal }: CreateOptions,
  { record, spec, container, hostname, stdio }: {
    record: RuntimeRecord;
    spec: EngineSpec;
    container: ContainerConfig;
    hostname: string | undefined;
    stdio: Stdio;
  },
  undo: AsyncDisposableStack,
): Promise<RuntimeRecord> {
  const { tools, defaults } = context;
  const { pod } = record;
  using _groups = new CgroupStay(record.cgroups);
  using network = engineNetwork(spec);
  if (record.ownsPod) {
    await createPod(tools, pod, {
      ...defaults,
      ...podSize(defaults, spec),
      hostname: hostname ?? record.id,
      network: network.config,
    }, signal);
    undo.defer(() => removePod(tools, pod, true));
    await startPod(tools, pod, signal);
  }
  const { shim } = await createContainer(
    tools,
    pod,
    record.container,
    container,
    (place) =>
      startEngineShim({
        ...place,
        terminal: container.command.terminal,
        ownTerminal: stdio.ownTerminal,
        stdio: stdio.descriptors,
        ...(network.namespace ? { networkNamespace: network.namespace } : {}),
        view: { root: record.rootfs, readOnly: container.readOnlyRoot, binds: container.volumes },
      }),
  );
  if (!record.ownsPod) undo.defer(() => removeContainer(tools, pod, record.container, true));
  if (!shim) {
    const { directory } = await loadPod(tools.store, pod);
    throw new Failure(`Cannot make the container ${record.id}: its shim ended at once`, {
      hint: `See ${directory.path}`,
    });
  }
  return { ...record, maker: null, process: shim };
}

import { getLogger } from "../../log.ts";
import { type Accelerator, detectAccelerator } from "../accelerator.ts";
import type {
  GuestBoot,
  Hypervisor,
  RunningVm,
  TemplateDetails,
  Vm,
  VmCard,
  VmLaunch,
  VmTemplate,
} from "../hypervisor.ts";
import type { BootImage, QemuOptions } from "./arguments.ts";
import { findQemu } from "./find_qemu.ts";
import { QemuVm } from "./qemu_vm.ts";
import { firstDescriptor, type QemuStart, startQemu } from "./start.ts";
import {
  networkKind,
  pathOf,
  restoreState,
  shapeOf,
  sizeClass,
  templateKey,
  type TemplateStore,
  whyNoTemplate,
} from "./templates/mod.ts";
import { vmFiles } from "./vm_files.ts";

/** What a VM can grow to at least unless told otherwise, whatever the host has, and the most that it can be started with. */
const LEAST_MAX_VCPUS = 8, MAX_VCPUS = 240;

/** What to start VMs with. */
export interface QemuSettings {
  /** What they boot from. */
  boot: BootImage | ((kernel: string | undefined) => Promise<BootImage>);
  /** QEMU's program. Default: the one on PATH for this architecture, or `PODVISOR_QEMU`. */
  binary?: string;
  /** Default: the best one that works here. */
  accelerator?: Accelerator;
  /** Default: VMs have none. */
  templates?: TemplateStore;
}

/** A start from the template of a VM's shape, or of one that is to become it. */
interface TemplateStart {
  start: QemuStart;
  details: TemplateDetails;
  store: TemplateStore;
}

/** Runs each VM in a QEMU process of its own, which goes on when this program ends, unless it is to die with it. */
export class Qemu implements Hypervisor {
  readonly #settings: QemuSettings;

  constructor(settings: QemuSettings) {
    this.#settings = settings;
  }

  async launch(launch: VmLaunch): Promise<Vm> {
    const binary = launch.binary ?? this.#settings.binary ?? findQemu();
    const accelerator = (this.#settings.accelerator ?? detectAccelerator()).kind;
    const guest = launch.boot ?? await this.#builtinGuest(launch.kernel);
    const start = { launch, binary, options: optionsOf(launch, accelerator, guest) };
    const { origin } = launch;
    const shaped = origin && await this.#shape(start);
    if (!shaped) return await boot(start);
    if (origin.kind === "template") {
      const spare = await origin.takeSpare?.(shaped.details.key);
      return spare ? takeOver(spare, launch, shaped) : await restore(start, shaped);
    }
    const options = { ...shaped.start.options, ram: { path: origin.ram, shared: true } };
    return await boot({ ...shaped.start, options }, templateOf(shaped, null));
  }

  attach(running: RunningVm): Vm {
    return new QemuVm(running);
  }

  /** The same start in its template's size; nothing for a VM that can have no template. */
  async #shape(start: QemuStart): Promise<TemplateStart | undefined> {
    const { launch, options, binary } = start;
    const { templates } = this.#settings;
    const { boot } = options;
    if (!templates || "foreign" in boot || whyNoTemplate(launch) !== undefined) return undefined;
    const shape = shapeOf(launch);
    const small = optionsOf(shape, options.accelerator, boot);
    const { maxMemoryMiB, maxVcpus } = small.pod;
    // One that is to be larger than any template's VM can grow boots in its own size.
    if (launch.memoryMiB > maxMemoryMiB || launch.vcpus > maxVcpus) return undefined;
    const details: TemplateDetails = {
      key: await templateKey(binary, { ...small, boot }),
      ...sizeClass(launch),
      network: networkKind(shape),
      accelerator: options.accelerator,
      binary,
      kernel: boot.kernel,
    };
    return { start: { ...start, launch: shape, options: small }, details, store: templates };
  }

  async #builtinGuest(kernel: string | undefined): Promise<BootImage> {
    const { boot } = this.#settings;
    return typeof boot === "function" ? await boot(kernel) : boot;
  }
}

/** Starts a VM that boots. */
async function boot(start: QemuStart, template?: VmTemplate): Promise<QemuVm> {
  const { running, monitor } = await startQemu(start);
  monitor.close();
  return new QemuVm(running, template);
}

/**
 * Restores a VM, or boots it when there is no template of its shape, or QEMU does not start with the one that there is.
 * A template is to blame for that only if the boot succeeds.
 */
async function restore(start: QemuStart, shaped: TemplateStart): Promise<Vm> {
  const { details, store } = shaped;
  using template = await store.open(details.key);
  if (!template) return await boot(start, templateOf(shaped, null));
  const { launch, options } = shaped.start;
  const ram = firstDescriptor(launch);
  try {
    const { running, monitor } = await startQemu({
      ...shaped.start,
      options: { ...options, ram: { path: pathOf(ram), shared: false }, incoming: true },
      from: template,
    });
    const plain = new QemuVm(running);
    const missing = cardsBeyond(launch, start.launch);
    const restored = restoreState(monitor, ram + 1).then(() => plugCards(plain, missing));
    // Whoever waits for it is told.
    restored.catch(() => {});
    return new QemuVm(running, templateOf(shaped, restored));
  } catch (error) {
    getLogger("template").warn("VM not restored: it boots", { key: details.key, error });
  }
  const vm = await boot(start, templateOf(shaped, null));
  await store.drop(details.key);
  return vm;
}

/** A VM that runs already. If no guest answers in it, that says nothing of its template. */
function takeOver(
  spare: Omit<RunningVm, "directory">,
  launch: VmLaunch,
  { start, details }: TemplateStart,
): Vm {
  const running: RunningVm = { ...spare, directory: launch.directory };
  const restored = plugCards(new QemuVm(running), cardsBeyond(start.launch, launch));
  // Whoever waits for it is told.
  restored.catch(() => {});
  return new QemuVm(running, { details, restored, drop: () => Promise.resolve() });
}

/** The cards that a VM is to have more than one of its shape. */
function cardsBeyond(shape: VmLaunch, { network }: VmLaunch): readonly VmCard[] {
  return (network?.cards ?? []).slice(shape.network?.cards.length ?? 0);
}

async function plugCards(vm: Vm, cards: readonly VmCard[]): Promise<void> {
  for (const card of cards) await vm.addNetworkCard(card);
}

function templateOf(
  { details, store }: TemplateStart,
  restored: VmTemplate["restored"],
): VmTemplate {
  return { details, restored, drop: async () => void await store.drop(details.key) };
}

function optionsOf(
  launch: VmLaunch,
  accelerator: Accelerator["kind"],
  boot: BootImage | GuestBoot,
): QemuOptions {
  const { memoryMiB, vcpus } = launch;
  const most = launch.maxVcpus ?? Math.max(navigator.hardwareConcurrency, LEAST_MAX_VCPUS);
  return {
    arch: Deno.build.arch,
    accelerator,
    boot,
    files: vmFiles(launch.directory),
    pod: {
      ...launch,
      maxMemoryMiB: maxMemory(memoryMiB),
      maxVcpus: Math.min(Math.max(vcpus, most), MAX_VCPUS),
    },
    keepOwners: Deno.uid() === 0,
  };
}

/** The host's memory and a GiB, as virtcontainers has it; enough for whoever asks for more from the start. */
function maxMemory(memoryMiB: number): number {
  const host = Math.floor(Deno.systemMemoryInfo().total / 2 ** 20);
  const block = 128;
  return Math.ceil((Math.max(host, memoryMiB) + 1024) / block) * block;
}

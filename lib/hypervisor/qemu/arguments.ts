import type { AcceleratorKind } from "../accelerator.ts";
import type { GuestBoot, VmNetwork, VmPort, VmShare } from "../hypervisor.ts";
import { findArchitecture, kernelCommandLine } from "./architecture.ts";
import { HOTPLUG_BUS, SCSI_CONTROLLER } from "./buses.ts";
import { networkArguments } from "./network_cards.ts";
import type { VmFiles } from "./vm_files.ts";

/** The guest that is booted. */
export interface BootImage {
  kernel: string;
  initrd: string;
  image: string;
}

/** All that QEMU's command line is made of. */
export interface QemuOptions {
  /** Architecture of host and guest, as `Deno.build.arch` has it. */
  arch: string;
  accelerator: AcceleratorKind;
  boot: BootImage | GuestBoot;
  files: VmFiles;
  /** What belongs to one pod. A VM restored from a template gets it later. */
  pod: QemuPodOptions;
  /** A file that is its memory: changed by the VM, or as the VM finds it. Default: it has memory of its own. */
  ram?: { path: string; shared: boolean };
  /** It waits to be told what it is restored from. */
  incoming?: boolean;
  /** Share files as their owners: for root, who may make files for anybody. */
  keepOwners: boolean;
}

/** The part of a VM that is one pod's own. */
export interface QemuPodOptions {
  name: string;
  memoryMiB: number;
  /** The most that memory can be added to, in MiB. */
  maxMemoryMiB: number;
  vcpus: number;
  /** The most that processors can be added to. */
  maxVcpus: number;
  ports: readonly VmPort[];
  share: VmShare | null;
  network?: VmNetwork;
  consoleWatched?: boolean;
}

/** Addresses for the devices of all its slots: the firmware would give an empty bus none. */
const BUS_ROOM = "io-reserve=4K,mem-reserve=1M,pref64-reserve=2M";
/** How many pieces of memory can be added. */
export const MEMORY_SLOTS = 8;

/**
 * QEMU's arguments (qemu-system(1)), without the program. The same options always give the same arguments.
 *
 * @throws {Error} on an architecture that is not in the table
 */
export function qemuArguments(options: QemuOptions): string[] {
  return [...machineArguments(options), ...podArguments(options)];
}

/** The VM that is the same for every pod. */
function machineArguments(
  { arch, accelerator, boot, files, pod, ram, incoming }: QemuOptions,
): string[] {
  const architecture = findArchitecture(arch);
  return [
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    ...["-display", "none"],
    ...["-sandbox", sandbox()],
    ...["-pidfile", files.pid],
    ...["-machine", machine(architecture.machine, pod, ram)],
    ...ram ? ramArguments(ram, pod.memoryMiB) : [],
    ...incoming ? ["-incoming", "defer"] : [],
    ...["-accel", accelerator],
    ...["-cpu", architecture.cpu[accelerator]],
    ...["-kernel", boot.kernel],
    ...boot.initrd === null ? [] : ["-initrd", boot.initrd],
    ...["-append", commandLine(boot, kernelCommandLine(arch, accelerator, pod.vcpus), pod)],
    // Ports before the monitor: when that takes connections, so do they.
    ...pod.ports.flatMap(({ backendId, hostPath }) => socket(backendId, hostPath)),
    ...socket("monitor", files.monitor),
    ...["-mon", "chardev=monitor,mode=control"],
    ...["-chardev", `file,id=console,path=${escape(files.console)},append=on`],
    ...["-serial", "chardev:console"],
    ...rootDisk(boot),
    ...serialPorts(pod.ports),
    ...["-device", `pci-bridge,id=${HOTPLUG_BUS},chassis_nr=1,shpc=off,${BUS_ROOM}`],
    ...["-device", `virtio-scsi-pci,id=${SCSI_CONTROLLER}`],
  ];
}

/** The first port of a controller is kept for a console. */
function serialPorts(ports: readonly VmPort[]): string[] {
  const controller = `virtio-serial-pci,id=channels,max_ports=${ports.length + 1}`;
  const devices = ports.map(({ deviceId, backendId, name }, index) => {
    const place = `bus=channels.0,nr=${index + 1},chardev=${escape(backendId)}`;
    return `virtserialport,${place},id=${escape(deviceId)},name=${escape(name)}`;
  });
  return [controller, ...devices].flatMap((device) => ["-device", device]);
}

/** The built-in guest's image is nobody's to write to; what another one writes to its own is dropped. */
function rootDisk(boot: BootImage | GuestBoot): string[] {
  if (boot.image === null) return [];
  const access = "foreign" in boot ? "snapshot=on" : "readonly=on";
  const drive = `if=none,id=root,format=raw,${access},file.locking=off,file=${escape(boot.image)}`;
  return ["-drive", drive, "-device", "virtio-blk-pci,drive=root"];
}

/** A guest of somebody else's that has no initial file system starts from its disk. */
function commandLine(
  boot: BootImage | GuestBoot,
  common: string,
  { consoleWatched }: QemuPodOptions,
): string {
  const root = boot.initrd === null ? " root=/dev/vda rw" : "";
  // The last word about it holds, and what holds for every VM has "quiet".
  const loud = consoleWatched ? " loglevel=7" : "";
  return common + root + loud;
}

function machine(name: string, pod: QemuPodOptions, ram: QemuOptions["ram"]): string {
  return ram || sharesMemory(pod) ? `${name},memory-backend=ram` : name;
}

/** Whether a program beside QEMU works in the VM's memory: a share's daemon, or a switch. */
function sharesMemory({ share, network }: QemuPodOptions): boolean {
  const behindSwitch = network?.passed?.some(({ kind }) => kind === "vhost-user") ?? false;
  return share?.kind === "virtiofs" || behindSwitch;
}

/** The memory is in the file already when the rest of the VM is saved and restored. */
function ramArguments({ path, shared }: NonNullable<QemuOptions["ram"]>, memoryMiB: number) {
  const file = `size=${memoryMiB}M,mem-path=${escape(path)},share=${shared ? "on" : "off"}`;
  return ["-object", `memory-backend-file,id=ram,${file}`];
}

function podArguments({ accelerator, pod, files, keepOwners }: QemuOptions): string[] {
  const { memoryMiB, maxMemoryMiB, vcpus, maxVcpus } = pod;
  return [
    ...["-name", `podvisor-${escape(pod.name)},process=podvisor-vm`],
    ...["-m", `${memoryMiB}M,slots=${MEMORY_SLOTS},maxmem=${maxMemoryMiB}M`],
    ...["-smp", `${vcpus},maxcpus=${maxVcpus}`],
    ...sharesMemory(pod)
      ? ["-object", `memory-backend-memfd,id=ram,size=${memoryMiB}M,share=on`]
      : [],
    ...pod.share ? shareArguments(pod.share, files, keepOwners) : [],
    ...pod.network ? networkArguments(pod.network, accelerator) : [],
  ];
}

function shareArguments(
  { path, tag, kind }: VmShare,
  files: VmFiles,
  keepOwners: boolean,
): string[] {
  if (kind === "virtiofs") {
    return [
      ...["-chardev", `socket,id=share,path=${escape(files.share)}`],
      ...["-device", `vhost-user-fs-pci,chardev=share,tag=${escape(tag)}`],
    ];
  }
  const model = `security_model=${keepOwners ? "passthrough" : "none"},multidevs=remap`;
  return [
    ...["-fsdev", `local,id=share,path=${escape(path)},${model}`],
    ...["-device", `virtio-9p-pci,fsdev=share,mount_tag=${escape(tag)}`],
  ];
}

/** QEMU needs none of this once it runs; a guest that has taken it over shall not have it either. */
function sandbox(): string {
  const denied = ["obsolete", "elevateprivileges", "spawn", "resourcecontrol"];
  return ["on", ...denied.map((what) => `${what}=deny`)].join(",");
}

function socket(id: string, path: string): string[] {
  return ["-chardev", `socket,id=${id},path=${escape(path)},server=on,wait=off`];
}

/** In QEMU's options a comma ends a value, two are one. */
function escape(value: string): string {
  return value.replaceAll(",", ",,");
}

import type { AcceleratorKind } from "../accelerator.ts";
import { findArchitecture, kernelCommandLine } from "./architecture.ts";
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
  boot: BootImage;
  files: VmFiles;
  /** What belongs to one pod. A VM restored from a template gets it later. */
  pod: QemuPodOptions;
  /** Share files as their owners: for root, who may make files for anybody. */
  keepOwners: boolean;
}

/** The part of a VM that is one pod's own. */
export interface QemuPodOptions {
  name: string;
  memoryMiB: number;
  vcpus: number;
  share: { path: string; tag: string };
  userNetwork: boolean;
}

/** Names of the guest's channels, by which its agent finds them. */
const CONTROL_PORT = "sh.hyper.channel.0", STREAM_PORT = "sh.hyper.channel.1";

/**
 * QEMU's arguments (qemu-system(1)), without the program. The same options always give the same arguments.
 *
 * @throws {Error} on an architecture that is not in the table
 */
export function qemuArguments(options: QemuOptions): string[] {
  return [...machineArguments(options), ...podArguments(options)];
}

/** The VM that is the same for every pod. */
function machineArguments({ arch, accelerator, boot, files, pod }: QemuOptions): string[] {
  const architecture = findArchitecture(arch);
  return [
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    ...["-display", "none"],
    ...["-sandbox", sandbox()],
    ...["-pidfile", files.pid],
    ...["-machine", architecture.machine],
    ...["-accel", accelerator],
    ...["-cpu", architecture.cpu[accelerator]],
    ...["-kernel", boot.kernel],
    ...["-initrd", boot.initrd],
    ...["-append", kernelCommandLine(arch, accelerator, pod.vcpus)],
    // Channels before the monitor: when that takes connections, so do they.
    ...socket("control", files.control),
    ...socket("stream", files.stream),
    ...socket("monitor", files.monitor),
    ...["-mon", "chardev=monitor,mode=control"],
    ...["-chardev", `file,id=console,path=${escape(files.console)},append=on`],
    ...["-serial", "chardev:console"],
    ...[
      "-drive",
      `if=none,id=root,format=raw,readonly=on,file.locking=off,file=${escape(boot.image)}`,
    ],
    ...["-device", "virtio-blk-pci,drive=root"],
    ...["-device", "virtio-serial-pci,id=channels,max_ports=3"],
    ...["-device", `virtserialport,bus=channels.0,nr=1,chardev=control,name=${CONTROL_PORT}`],
    ...["-device", `virtserialport,bus=channels.0,nr=2,chardev=stream,name=${STREAM_PORT}`],
  ];
}

function podArguments({ pod, keepOwners }: QemuOptions): string[] {
  const security = keepOwners ? "passthrough" : "none";
  const path = escape(pod.share.path);
  return [
    ...["-name", `podvisor-${escape(pod.name)},process=podvisor-vm`],
    ...["-m", `${pod.memoryMiB}M`],
    ...["-smp", `${pod.vcpus}`],
    ...["-fsdev", `local,id=share,path=${path},security_model=${security},multidevs=remap`],
    ...["-device", `virtio-9p-pci,fsdev=share,mount_tag=${escape(pod.share.tag)}`],
    ...pod.userNetwork
      ? ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
      : [],
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

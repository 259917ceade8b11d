/** Starts VMs and keeps hold of them. */
export {
  type Accelerator,
  type AcceleratorFacts,
  type AcceleratorKind,
  detectAccelerator,
} from "./accelerator.ts";
export { readConsoleTail } from "./console_tail.ts";
export type { Hypervisor, RunningVm, Vm, VmEnd, VmLaunch, VmSockets } from "./hypervisor.ts";
export type { BootImage } from "./qemu/arguments.ts";
export { findQemu } from "./qemu/find_qemu.ts";
export { Qemu, type QemuSettings } from "./qemu/qemu.ts";
export { QmpClient, QmpError, type QmpEvent, QmpProtocolError } from "./qemu/qmp.ts";

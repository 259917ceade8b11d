/** Starts VMs and keeps hold of them. */
export {
  type Accelerator,
  type AcceleratorFacts,
  type AcceleratorKind,
  detectAccelerator,
} from "./accelerator.ts";
export { HypervisorByKind } from "./by_kind.ts";
export { consoleKeeperMain, startConsoleKeeper } from "./console_keeper.ts";
export { readConsoleTail } from "./console_tail.ts";
export * from "./hypervisor.ts";
export { type BlockDriver, scsiAddress, virtioDriveName } from "./drive_names.ts";
export type { BootImage } from "./qemu/arguments.ts";
export { findQemu } from "./qemu/find_qemu.ts";
export { Qemu, type QemuSettings } from "./qemu/qemu.ts";
export { type TemplateManifest, type TemplatePlace, TemplateStore } from "./qemu/templates/mod.ts";
export { MockHypervisor } from "./mock/mock.ts";
export { QmpClient, QmpError, type QmpEvent, QmpProtocolError } from "./qemu/qmp.ts";

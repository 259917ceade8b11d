/** The only room that calls the kernel. */
export { ChildProgram, Result } from "./child_program.ts";
export * from "./errno.ts";
export { isSysError, SysError } from "./error.ts";
export * from "./fd.ts";
export {
  identifyProcess,
  isAlive,
  openIdentified,
  type ProcessIdentity,
  signalIdentified,
} from "./identity.ts";
export { lockFile, type LockKind, tryLockFile } from "./lock.ts";
export { attachMount, type AttachOptions, detachMount, enterOwnMounts } from "./mount_namespace.ts";
export {
  collectChild,
  decodeStatus,
  exitCode,
  type ExitStatus,
  openProcess,
  signalProcess,
  waitForEnd,
} from "./process.ts";
export { selfCommand, sourceRoot } from "./self.ts";
export { parseSignal, signalName, SIGNALS } from "./signals.ts";
export { spawn, type SpawnOptions } from "./spawn.ts";

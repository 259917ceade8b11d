/** The only room that calls the kernel. */
export { attachDeviceProgram, loadDeviceProgram } from "./bpf.ts";
export { ChildProgram } from "./child_program.ts";
export type { ParkedProcess } from "./parked_process.ts";
export type { HeldProcess } from "./held_process.ts";
export { STATIC_BASE, STATIC_HEADERS, writeStaticHeaders } from "./static_elf.ts";
export { Result } from "./operation.ts";
export { CLOCK_BOOTTIME, CLOCK_REALTIME, clockTime, moveClockBy } from "./clock.ts";
export { cutFile } from "./cut_file.ts";
export { endProcess, killProcess, killProcesses } from "./end_process.ts";
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
export { cString, filterProgram } from "./memory.ts";
export { memoryFile, readEnd } from "./memory_file.ts";
export {
  attachTree,
  cloneTree,
  createMount,
  MOUNT,
  mount,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  MOUNT_RDONLY,
  mountAttributes,
  setMountAttributes,
  unmount,
} from "./mount_tree.ts";
export { SYS } from "./numbers.ts";
export {
  openHow,
  openInRoot,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "./open_at.ts";
export { OpenGate, type Opening } from "./open_gate.ts";
export { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, Poller, type Watch } from "./poller.ts";
export {
  makeRaw,
  openTerminal,
  type PseudoTerminal,
  setWindowSize,
  TIOCSCTTY,
} from "./terminal.ts";
export { killForMemory } from "./kill_for_memory.ts";
export {
  changeOwner,
  readAtOnce,
  readSome,
  readyEvents,
  setNonblocking,
  writeSome,
} from "./transfer.ts";
export { blockingSyscall, rawSyscall, type SysArg, syscall } from "./syscall.ts";
export { lastingEnvironment } from "./lasting.ts";
export { makeLifePipe, openLifePipe } from "./life_pipe.ts";
export { lockFile, type LockKind, removeLockFile, tryLockFile } from "./lock.ts";
export {
  attachMount,
  attachNewMount,
  type AttachOptions,
  attachOverlay,
  detachMount,
  enterOwnMounts,
  type OverlayOptions,
} from "./mount_namespace.ts";
export {
  childStatus,
  collectChild,
  decodeStatus,
  exitCode,
  type ExitStatus,
  firstEndedChild,
  openProcess,
  pause,
  signalOpened,
  signalProcess,
  waitForEnd,
  waitForInput,
} from "./process.ts";
export { giveWay } from "./priority.ts";
export { selfCommand, sourceRoot } from "./self.ts";
export { parseSignal, signalName, SIGNALS } from "./signals.ts";
export type { MountView } from "./mount_view.ts";
export { spawn, type SpawnOptions } from "./spawn.ts";
export { type DriverInfo, readDriverInfo } from "./ethtool.ts";
export {
  makeNetworkNamespace,
  newNetworkNamespace,
  openInNetworkNamespace,
  openNetworkNamespace,
  openSocketIn,
  unmountNetworkNamespace,
} from "./network_namespace.ts";
export * from "./socket.ts";
export { UnixConnection } from "./unix_connection.ts";
export { listenUnix } from "./unix_listener.ts";
export { connectUnix, sendDescriptor } from "./unix_sender.ts";
export { openMacvtap, openTap, tapFeatures, type TapOptions } from "./tap.ts";

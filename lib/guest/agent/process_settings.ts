import {
  AT_FDCWD,
  type ChildProgram,
  cString,
  filterProgram,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  type Result,
  SYS,
} from "../../sys/mod.ts";
import { type ProcessSpec, Refusal } from "./runtime.ts";

/** What few processes have: each is only set where it says something. */
export interface ProcessSettings {
  oomScoreAdj: number;
  ioPriority: number;
  scheduling: ProcessSpec["scheduling"];
  personality: number | null;
  seccomp: Filter | null;
}

/** A filter of system calls. */
export interface Filter {
  program: Uint8Array;
  flags: number;
}

/** BPF_MAXINSNS of linux/bpf_common.h, in bytes. */
const INSTRUCTION = 8, LONGEST_FILTER = 4096 * INSTRUCTION;
/** linux/seccomp.h */
const SECCOMP_SET_MODE_FILTER = 1;
/** linux/ioprio.h */
const IOPRIO_WHO_PROCESS = 1;
/** struct sched_attr of sched_setattr(2), without what came later. */
const SCHED_ATTR_SIZE = 48;

/**
 * What is set for a process; a further one of a container has the container's filter and personality where the host
 * gives it none.
 *
 * @throws {Refusal} for a filter that is none
 */
export function settingsOf(
  { oomScoreAdj, ioPriority, scheduling, personality, seccomp }: ProcessSpec,
  inherited?: ProcessSettings,
): ProcessSettings {
  return {
    oomScoreAdj,
    ioPriority,
    scheduling,
    personality: personality ?? inherited?.personality ?? null,
    seccomp: seccomp ? decodeFilter(seccomp) : inherited?.seccomp ?? null,
  };
}

function decodeFilter({ program, flags }: NonNullable<ProcessSpec["seccomp"]>): Filter {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(program);
  } catch {
    throw new Refusal("Process could not be started: its seccomp filter is not in base64");
  }
  if (bytes.length % INSTRUCTION === 0 && bytes.length <= LONGEST_FILTER) {
    return { program: bytes, flags };
  }
  throw new Refusal(
    `Process could not be started: its seccomp filter has ${bytes.length} bytes, which is no program`,
  );
}

/** Opens the /proc that is there before a container's is, where it will be needed. */
export function openProc(
  program: ChildProgram,
  { oomScoreAdj }: ProcessSettings,
): Result | undefined {
  if (oomScoreAdj === 0) return undefined;
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  return program.call("open", "/proc", SYS.openat, AT_FDCWD, cString("/proc"), flags, 0);
}

/** Sets all but the filter, while the process has every privilege. */
export function applySettings(
  program: ChildProgram,
  { oomScoreAdj, ioPriority, scheduling, personality }: ProcessSettings,
  proc: Result | undefined,
): void {
  if (proc) {
    const path = "self/oom_score_adj";
    const file = program.call("open", path, SYS.openat, proc, cString(path), O_WRONLY | O_CLOEXEC);
    const text = new TextEncoder().encode(String(oomScoreAdj));
    program.call("write", path, SYS.write, file, text, text.length);
  }
  if (ioPriority !== 0) {
    program.call("ioprio_set", "the process", SYS.ioprio_set, IOPRIO_WHO_PROCESS, 0, ioPriority);
  }
  if (scheduling) {
    program.call("sched_setattr", "the process", SYS.sched_setattr, 0, schedAttr(scheduling), 0);
  }
  if (personality !== null) {
    program.call("personality", String(personality), SYS.personality, personality);
  }
}

/** After this the process may make the calls that the filter allows. */
export function installFilter(program: ChildProgram, { program: code, flags }: Filter): void {
  // Many calls that a filter for one program need not allow.
  program.resetSignals();
  const pointer = filterProgram(code);
  const mode = SECCOMP_SET_MODE_FILTER;
  program.call("seccomp", "the process", SYS.seccomp, mode, flags, pointer);
}

/** u32 size, policy; u64 flags; s32 nice; u32 priority; u64 runtime, deadline, period. */
function schedAttr(
  { policy, flags, nice, priority, runtime, deadline, period }: NonNullable<
    ProcessSpec["scheduling"]
  >,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(SCHED_ATTR_SIZE));
  view.setUint32(0, SCHED_ATTR_SIZE, true);
  view.setUint32(4, policy, true);
  view.setBigUint64(8, BigInt(flags), true);
  view.setInt32(16, nice, true);
  view.setUint32(20, priority, true);
  view.setBigUint64(24, BigInt(runtime), true);
  view.setBigUint64(32, BigInt(deadline), true);
  view.setBigUint64(40, BigInt(period), true);
  return new Uint8Array(view.buffer);
}

import { Failure } from "../../failure.ts";

/** `linux.seccomp` of config.json (runtime-spec 1.1, config-linux.md, "Seccomp"); every key may be absent. */
export interface SpecSeccomp {
  defaultAction?: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[] | null;
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: SpecSyscall[];
}

/** Calls that have something of their own done to them. */
export interface SpecSyscall {
  names?: string[];
  action?: string;
  errnoRet?: number;
  args?: SpecArgument[];
}

/** A condition on an argument. The values are bigints where a number would not be exact. */
export interface SpecArgument {
  index?: number;
  value?: number | bigint;
  valueTwo?: number | bigint;
  op?: string;
}

/** How a condition compares; `masked` compares what a mask leaves. */
export type Comparison = "ne" | "lt" | "le" | "eq" | "ge" | "gt" | "masked";

/** A condition on the argument `index`, as 64 bits without sign. */
export interface Condition {
  index: number;
  op: Comparison;
  value: bigint;
  /** Of `masked`: what the argument, with `value` as the mask, must be. */
  valueTwo: bigint;
}

/** Error numbers, the same on all architectures in use (asm-generic/errno-base.h, errno.h). */
const EPERM = 1;
export const ENOSYS = 38;
const MAX_DATA = 0xffff;

/** SECCOMP_RET_… (linux/seccomp.h). */
export const RET_KILL_THREAD = 0;
export const RET_ERRNO = 0x00050000;
const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: RET_KILL_THREAD,
  SCMP_ACT_KILL_THREAD: RET_KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: RET_ERRNO,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};
/** Those that carry a number: the error, or what a tracer gets. */
const WITH_DATA = ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"];

const FLAGS: Readonly<Record<string, number>> = {
  // A process has one thread when it gets its filter.
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  SCMP_CMP_NE: "ne",
  SCMP_CMP_LT: "lt",
  SCMP_CMP_LE: "le",
  SCMP_CMP_EQ: "eq",
  SCMP_CMP_GE: "ge",
  SCMP_CMP_GT: "gt",
  SCMP_CMP_MASKED_EQ: "masked",
};

/** What profiles may have: names of actions, comparisons and flags. */
export const PROFILE_NAMES = {
  actions: Object.keys(ACTIONS),
  operators: Object.keys(COMPARISONS),
  flags: Object.keys(FLAGS),
} as const;

/**
 * What a filter returns for an action.
 *
 * @throws {Failure} for one that there is not, or that needs a listener
 */
export function actionValue(action: string, errno = EPERM): number {
  if (action === "SCMP_ACT_NOTIFY") {
    throw refusal("SCMP_ACT_NOTIFY needs a listener on the host, which the VM keeps apart");
  }
  const value = ACTIONS[action];
  if (value === undefined) throw refusal(`the action ${JSON.stringify(action)} is unknown`);
  if (!WITH_DATA.includes(action)) return value;
  if (!Number.isInteger(errno) || errno < 0 || errno > MAX_DATA) {
    throw refusal(`errnoRet is ${errno}, not 0 to ${MAX_DATA}`);
  }
  return (value | errno) >>> 0;
}

/** Whether calls that a profile does not know are let through by its default, or seen by somebody. */
export function letsUnknownPass(action: string): boolean {
  return ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].includes(action);
}

/**
 * SECCOMP_FILTER_FLAG_… of seccomp(2). Without a list it is that processes are spared the mitigations of speculation,
 * as in other runtimes.
 *
 * @throws {Failure} for one that there is not
 */
export function filterFlags(names: readonly string[] | null | undefined): number {
  if (!names) return FLAGS.SECCOMP_FILTER_FLAG_SPEC_ALLOW!;
  return names.reduce((all, name) => {
    const flag = FLAGS[name];
    if (flag === undefined) throw refusal(`the flag ${JSON.stringify(name)} is not supported`);
    return all | flag;
  }, 0);
}

/** Reads a condition. @throws {Failure} for an argument or operator that there is not */
export function conditionOf(
  { index = 0, value = 0, valueTwo = 0, op = "" }: SpecArgument,
): Condition {
  const comparison = COMPARISONS[op];
  if (comparison === undefined) throw refusal(`the operator ${JSON.stringify(op)} is unknown`);
  if (!Number.isInteger(index) || index < 0 || index > 5) {
    throw refusal(`a system call has no argument ${index}`);
  }
  return { index, op: comparison, value: word(value), valueTwo: word(valueTwo) };
}

/** Numbers that are negative, or of more than 64 bits, are no arguments. */
function word(value: number | bigint): bigint {
  if (typeof value === "number" && !Number.isInteger(value)) {
    throw refusal(`${value} is not a whole number`);
  }
  const exact = BigInt(value);
  if (exact === BigInt.asUintN(64, exact)) return exact;
  throw refusal(`${value} is not a number of 64 bits without sign`);
}

export function refusal(reason: string): Failure {
  return new Failure(`Cannot use linux.seccomp of the bundle: ${reason}`);
}

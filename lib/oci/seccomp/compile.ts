import { getLogger } from "../../log.ts";
import {
  architecturesOf,
  type CallingArchitecture,
  type Machine,
  syscallNumber,
  X32_BIT,
} from "./architectures.ts";
import {
  encodeProgram,
  type Instruction,
  load,
  MAX_INSTRUCTIONS,
  ret,
  split,
  when,
} from "./bpf.ts";
import { compileRules, type Rule } from "./conditions.ts";
import {
  actionValue,
  conditionOf,
  ENOSYS,
  filterFlags,
  letsUnknownPass,
  refusal,
  RET_ERRNO,
  RET_KILL_THREAD,
  type SpecArgument,
  type SpecSeccomp,
  type SpecSyscall,
} from "./profile.ts";

/** A filter as seccomp(2) takes it. */
export interface CompiledFilter {
  /** `struct sock_filter`, one after the other. */
  program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_…. */
  flags: number;
}

/** Offsets in `struct seccomp_data` (linux/seccomp.h). */
const NUMBER_AT = 0, ARCHITECTURE_AT = 4;
const NOT_THERE = RET_ERRNO | ENOSYS;

/** System calls `from` to the next range's, with the same outcome: a value, or what the rules say. */
interface Range {
  from: number;
  outcome: number | readonly Rule[];
}

/**
 * Compiles a profile for seccomp(2), with the meaning that it has in other runtimes: a rule without conditions goes
 * before those with some, and of equals the first; names that no architecture knows are ignored; calls newer than the
 * newest that a profile knows do not exist (ENOSYS), so that programs fall back on older ones. What the filter decides
 * by is found by halving, so that no call takes more than some ten steps.
 *
 * @returns nothing for a profile that asks for nothing
 * @throws {Failure} for what is unknown, or needs a listener
 */
export function compileSeccomp(profile: SpecSeccomp, machine: Machine): CompiledFilter | undefined {
  const { defaultAction = "", syscalls = [], architectures = [] } = profile;
  if (defaultAction === "" && syscalls.length === 0) return undefined;
  if (profile.listenerPath) throw refusal("a listener (listenerPath) is not supported");
  const otherwise = actionValue(defaultAction, profile.defaultErrnoRet);
  const byArchitecture = architecturesOf(machine, architectures);
  tellUnknown(syscalls, byArchitecture);
  const program = byArchitecture.reduceRight<Instruction[]>(
    (rest, each) => when(each.audit, compileCalls(profile, each, otherwise), rest),
    [ret(RET_KILL_THREAD)],
  );
  const whole = [load(ARCHITECTURE_AT), ...program];
  if (whole.length > MAX_INSTRUCTIONS) {
    throw refusal(`it has ${whole.length} instructions, ${MAX_INSTRUCTIONS} are the most`);
  }
  return { program: encodeProgram(whole), flags: filterFlags(profile.flags) };
}

/** The filter for the calls of one architecture. */
function compileCalls(
  { defaultAction = "", syscalls = [] }: SpecSeccomp,
  architecture: CallingArchitecture,
  otherwise: number,
): Instruction[] {
  const outcomes = outcomesOf(syscalls, architecture, otherwise);
  const ranges: Range[] = [{ from: 0, outcome: otherwise }];
  const add = (from: number, outcome: Range["outcome"]) => {
    const last = ranges.at(-1)!;
    if (last.from === from) ranges.pop();
    if (ranges.at(-1)?.outcome !== outcome) ranges.push({ from, outcome });
  };
  for (const [number, outcome] of [...outcomes].sort(([a], [b]) => a - b)) {
    add(number, outcome);
    add(number + 1, otherwise);
  }
  const newest = newestOf(syscalls, architecture);
  if (newest !== undefined && !letsUnknownPass(defaultAction)) add(newest + 1, NOT_THERE);
  // A kernel without x32 answers so.
  if (architecture.name === "SCMP_ARCH_X86_64") add(X32_BIT, NOT_THERE);
  return [load(NUMBER_AT), ...search(ranges, architecture, otherwise)];
}

/** Halves the ranges until one is left. */
function search(
  ranges: readonly Range[],
  architecture: CallingArchitecture,
  otherwise: number,
): Instruction[] {
  if (ranges.length === 1) {
    const { outcome } = ranges[0]!;
    return typeof outcome === "number"
      ? [ret(outcome)]
      : compileRules(outcome, architecture, otherwise);
  }
  const middle = ranges.length >> 1;
  return split(
    ranges[middle]!.from,
    search(ranges.slice(0, middle), architecture, otherwise),
    search(ranges.slice(middle), architecture, otherwise),
  );
}

/** What becomes of each call that a profile names and the architecture has. */
function outcomesOf(
  syscalls: readonly SpecSyscall[],
  architecture: CallingArchitecture,
  otherwise: number,
): Map<number, Range["outcome"]> {
  const outcomes = new Map<number, number | Rule[]>();
  for (const { names = [], action = "", errnoRet, args = [] } of syscalls) {
    const value = actionValue(action, errnoRet);
    // Rules that only repeat the default say nothing.
    if (value === otherwise) continue;
    const rules = rulesOf(args, value);
    for (const name of names) {
      const number = syscallNumber(name, architecture);
      if (number === undefined) continue;
      const known = outcomes.get(number);
      if (typeof known === "number") continue;
      if (args.length === 0) outcomes.set(number, value);
      else outcomes.set(number, [...(known ?? []), ...rules]);
    }
  }
  return outcomes;
}

/** Conditions hold together, except where one argument has several: then each is a rule, as in other runtimes. */
function rulesOf(args: readonly SpecArgument[], value: number): Rule[] {
  const conditions = args.map(conditionOf);
  const apart = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  return apart
    ? conditions.map((each) => ({ conditions: [each], value }))
    : [{ conditions, value }];
}

function newestOf(
  syscalls: readonly SpecSyscall[],
  architecture: CallingArchitecture,
): number | undefined {
  const numbers = syscalls.flatMap(({ names = [] }) =>
    names.flatMap((name) => syscallNumber(name, architecture) ?? [])
  );
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

function tellUnknown(
  syscalls: readonly SpecSyscall[],
  architectures: readonly CallingArchitecture[],
): void {
  const unknown = new Set(
    syscalls.flatMap(({ names = [] }) => names)
      .filter((name) => architectures.every((each) => syscallNumber(name, each) === undefined)),
  );
  if (unknown.size === 0) return;
  getLogger("oci").debug("system calls that this machine does not have are left out", {
    names: [...unknown].join(" "),
  });
}

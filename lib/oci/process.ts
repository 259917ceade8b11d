import type { CapabilityLists, Command } from "../agent/mod.ts";
import { Failure } from "../failure.ts";
import { CAPABILITY_NAMES } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import { parseEnv } from "./parse_env.ts";
import type { SpecProcess, SpecScheduler } from "./spec.ts";

/** linux/ioprio.h: the class is above the priority, of which there are eight. */
const IO_CLASSES = ["", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];
const IO_CLASS_SHIFT = 13, MAX_IO_PRIORITY = 7;

/** linux/sched.h */
const POLICIES: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
const SCHEDULING_FLAGS: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 1,
  SCHED_FLAG_RECLAIM: 2,
  SCHED_FLAG_DL_OVERRUN: 4,
  SCHED_FLAG_KEEP_POLICY: 8,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

/**
 * A command, from `process` of config.json, or from what `exec` is given.
 *
 * @throws {Failure} for what no process can be
 */
export function commandOf(process: SpecProcess): Command {
  const user = process.user ?? {};
  const { height, width } = process.consoleSize ?? {};
  const { rlimits = [], oomScoreAdj, scheduler, ioPriority } = process;
  checkLimits(rlimits);
  return {
    args: process.args ?? [],
    env: (process.env ?? []).map(parseEnv),
    cwd: process.cwd ?? "/",
    user: String(user.uid ?? 0),
    group: String(user.gid ?? 0),
    additionalGroups: (user.additionalGids ?? []).map(String),
    terminal: process.terminal ?? false,
    size: height && width ? { rows: height, columns: width } : null,
    capabilities: process.capabilities ? listsOf(process.capabilities) : null,
    noNewPrivileges: process.noNewPrivileges ?? false,
    limits: rlimits.map(({ type, hard, soft }) => ({ type, hard, soft })),
    ...(user.umask === undefined ? {} : { umask: user.umask }),
    ...(oomScoreAdj ? { oomScoreAdj } : {}),
    ...(ioPriority ? { ioPriority: ioPriorityOf(ioPriority) } : {}),
    ...(scheduler ? { scheduling: schedulingOf(scheduler) } : {}),
  };
}

/** As the specification wants it, capabilities that there are not are left out with a warning. */
function listsOf(given: Partial<CapabilityLists>): CapabilityLists {
  const unknown = new Set<string>();
  const known = (names: readonly string[] = []) =>
    names.filter((name) => {
      if (CAPABILITY_NAMES.includes(name.toUpperCase().replace(/^CAP_/, ""))) return true;
      unknown.add(name);
      return false;
    });
  const lists: CapabilityLists = {
    bounding: known(given.bounding),
    effective: known(given.effective),
    inheritable: known(given.inheritable),
    permitted: known(given.permitted),
    ambient: known(given.ambient),
  };
  if (unknown.size > 0) {
    getLogger("oci").warn("capabilities that there are not are left out", {
      names: [...unknown].join(" "),
    });
  }
  return lists;
}

function checkLimits(limits: readonly { type: string }[]): void {
  const types = limits.map(({ type }) => type);
  const twice = types.find((type, at) => types.indexOf(type) < at);
  if (twice !== undefined) throw cannot("rlimits", `${twice} is there twice`);
}

/** A class and priority in one number, as ioprio_set(2) takes it. */
function ioPriorityOf({ class: name = "", priority = 0 }: { class?: string; priority?: number }) {
  const number = IO_CLASSES.indexOf(name);
  if (number < 1) throw cannot("ioPriority", `the class ${JSON.stringify(name)} is unknown`);
  if (!Number.isInteger(priority) || priority < 0 || priority > MAX_IO_PRIORITY) {
    throw cannot("ioPriority", `the priority is ${priority}, not 0 to ${MAX_IO_PRIORITY}`);
  }
  return number << IO_CLASS_SHIFT | priority;
}

function schedulingOf(given: SpecScheduler): NonNullable<Command["scheduling"]> {
  const { nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = given;
  const policy = POLICIES[given.policy ?? ""];
  if (policy === undefined) {
    throw cannot("scheduler", `the policy ${JSON.stringify(given.policy)} is unknown`);
  }
  const flags = (given.flags ?? []).reduce((all, name) => {
    const flag = SCHEDULING_FLAGS[name];
    if (flag === undefined) {
      throw cannot("scheduler", `the flag ${JSON.stringify(name)} is unknown`);
    }
    return all | flag;
  }, 0);
  return { policy, flags, nice, priority, runtime, deadline, period };
}

function cannot(key: string, why: string): Failure {
  return new Failure(`Cannot use process.${key} of the bundle: ${why}`);
}

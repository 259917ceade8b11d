import { Fields } from "./fields.ts";
import type { Complete } from "./complete.ts";
import type { CapabilitySets, Process, Scheduling } from "./process_message.ts";

const MAX_U16 = 0xffff;
const MAX_U32 = 0xffffffff;
/** linux/oom.h, OOM_SCORE_ADJ_MAX */
const MAX_OOM_SCORE = 1000;

function capabilities(fields: Fields): CapabilitySets {
  return {
    bounding: fields.optionalStrings("bounding"),
    effective: fields.optionalStrings("effective"),
    inheritable: fields.optionalStrings("inheritable"),
    permitted: fields.optionalStrings("permitted"),
    ambient: fields.optionalStrings("ambient"),
  };
}

/** Reads a process: part of NEWCONTAINER and EXECCMD. */
export function process(fields: Fields): Complete<Process> {
  return {
    id: fields.string("id"),
    user: fields.string("user"),
    group: fields.string("group"),
    additionalGroups: fields.strings("additionalGroups"),
    terminal: fields.boolean("terminal"),
    stdio: fields.integer("stdio"),
    stderr: fields.integer("stderr"),
    args: fields.strings("args"),
    envs: fields.objects("envs", (env) => ({ env: env.string("env"), value: env.string("value") })),
    workdir: fields.string("workdir"),
    // RLIM_INFINITY is 2^64 - 1, which JSON readers round to 2^64.
    rlimits: fields.objects("rlimits", (limit) => ({
      type: limit.name("type"),
      hard: limit.limit("hard"),
      soft: limit.limit("soft"),
    })),
    noNewPrivileges: fields.boolean("noNewPrivileges"),
    capabilities: fields.object("capabilities", capabilities),
    rows: fields.integer("rows", MAX_U16),
    columns: fields.integer("columns", MAX_U16),
    outputCredit: fields.integer("outputCredit", MAX_U32),
    umask: fields.optionalInteger("umask", 0o777),
    oomScoreAdj: fields.integer("oomScoreAdj", MAX_OOM_SCORE, -MAX_OOM_SCORE),
    ioPriority: fields.integer("ioPriority", MAX_U16),
    scheduling: fields.optionalObject("scheduling", scheduling),
    personality: fields.optionalInteger("personality", MAX_U32),
    seccomp: fields.optionalObject("seccomp", (filter) => ({
      program: filter.name("program"),
      flags: filter.integer("flags", MAX_U32),
    })),
  };
}

function scheduling(fields: Fields): Complete<Scheduling> {
  return {
    policy: fields.integer("policy", MAX_U32),
    flags: fields.integer("flags", MAX_U32),
    nice: fields.integer("nice", 19, -20),
    priority: fields.integer("priority", 99),
    runtime: fields.integer("runtime"),
    deadline: fields.integer("deadline"),
    period: fields.integer("period"),
  };
}

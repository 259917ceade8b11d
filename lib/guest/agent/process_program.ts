import { ChildProgram, cString, MOUNT, type Result, SYS, TIOCSCTTY } from "../../sys/mod.ts";
import { CAPABILITY_COUNT, type CapabilityNumbers, DEFAULT_CAPABILITIES } from "./capabilities.ts";
import {
  applySettings,
  installFilter,
  openProc,
  type ProcessSettings,
} from "./process_settings.ts";
import type { ResourceLimit } from "./rlimits.ts";
import type { StartHooks } from "./start_hooks.ts";
import type { ChildStdio } from "./stdio.ts";
import type { Identity } from "./users.ts";

/** Namespaces that every container has of its own (linux/sched.h, CLONE_NEW…). */
export const OWN_NAMESPACES = 0x20000 | 0x20000000 | 0x4000000 | 0x8000000;
const CLONE_NEWCGROUP = 0x2000000;

/** linux/prctl.h */
const PR_SET_KEEPCAPS = 8, PR_CAPBSET_DROP = 24, PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47, PR_CAP_AMBIENT_RAISE = 2;
/** linux/capability.h, _LINUX_CAPABILITY_VERSION_3 */
const CAPABILITY_VERSION = 0x20080522;
const CLOSE_RANGE_CLOEXEC = 4;

/** Everything about a process that is known before it starts. */
export interface ProcessPlan {
  stdio: ChildStdio;
  identity: Identity;
  capabilities: CapabilityNumbers;
  noNewPrivileges: boolean;
  limits: readonly ResourceLimit[];
  settings: ProcessSettings;
  umask: number;
  workdir: string;
  env: readonly string[];
  args: readonly string[];
  /** Where the program may be, in order. */
  candidates: readonly string[];
}

/** Joins the cgroup whose `cgroup.procs` is open as `procs`, and makes it the root of what the process sees. */
export function joinCgroup(program: ChildProgram, procs: number, ownNamespace: boolean): void {
  const self = new TextEncoder().encode("0");
  program.call("write", "cgroup.procs", SYS.write, procs, self, self.length);
  if (ownNamespace) program.call("unshare", "cgroup namespace", SYS.unshare, CLONE_NEWCGROUP);
}

/** A process that joins the namespaces of the one that `pidfd` stands for. */
export function execProgram(
  pidfd: number,
  procs: number | undefined,
  plan: ProcessPlan,
): ChildProgram {
  const program = new ChildProgram();
  const proc = openProc(program, plan.settings);
  if (procs !== undefined) joinCgroup(program, procs, false);
  const namespaces = OWN_NAMESPACES | (procs === undefined ? 0 : CLONE_NEWCGROUP);
  program.call("setns", "the container", SYS.setns, pidfd, namespaces);
  program.split();
  becomeProcess(program, plan, proc);
  return program;
}

/**
 * The last part of every program: from the agent's child in its namespaces to the program that was asked for.
 *
 * @param proc the agent's /proc, where it is needed
 * @param hooks programs to be run before
 * @param held whether it waits then until it is released
 * @param isParked whether it has made the calls of {@linkcode prepareProcess}
 */
export function becomeProcess(
  program: ChildProgram,
  plan: ProcessPlan,
  proc?: Result,
  hooks?: StartHooks,
  held = false,
  isParked = false,
): void {
  const { noNewPrivileges, settings } = plan;
  const hold = () => held && program.hold(hooks?.descriptors);
  takeStdio(program, plan.stdio, isParked);
  applySettings(program, settings, proc);
  for (const { name, resource, values, required } of plan.limits) {
    const args = ["prlimit64", name, SYS.prlimit64, 0, resource, values, 0] as const;
    if (required) program.call(...args);
    else program.attempt(...args);
  }
  program.call("umask", plan.umask.toString(8), SYS.umask, plan.umask);
  program.call("chdir", plan.workdir, SYS.chdir, cString(plan.workdir));
  // A filter is a privileged thing, unless no privileges can be gained: then it is the last thing of all. What waits
  // does so before it: a filter need not allow that.
  if (settings.seccomp && !noNewPrivileges) {
    hold();
    installFilter(program, settings.seccomp);
  }
  takeIdentity(program, plan.identity, plan.capabilities, isParked);
  if (noNewPrivileges) {
    program.call("prctl", "no_new_privs", SYS.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  }
  if (!settings.seccomp || noNewPrivileges) hold();
  if (settings.seccomp && noNewPrivileges) installFilter(program, settings.seccomp);
  hooks?.write(program);
  program.exec(plan.candidates, plan.args, plan.env);
}

/** What can be done for a process that has the capabilities which one has by default, before it is known. */
export function prepareProcess(program: ChildProgram): void {
  leadSession(program);
  dropOthers(program, DEFAULT_CAPABILITIES);
}

/** Makes the process the leader of a session of its own, and of a group for the scheduler. */
function leadSession(program: ChildProgram): void {
  program.call("setsid", "the process", SYS.setsid);
}

/** No program that is executed gains other capabilities. */
function dropOthers(program: ChildProgram, bounding: readonly number[]): void {
  for (let each = 0; each < CAPABILITY_COUNT; each++) {
    if (bounding.includes(each)) continue;
    program.call("prctl", `capability ${each}`, SYS.prctl, PR_CAPBSET_DROP, each, 0, 0, 0);
  }
}

function takeStdio(
  program: ChildProgram,
  { descriptors, terminal }: ChildStdio,
  isLeader: boolean,
): void {
  if (!isLeader) leadSession(program);
  if (terminal !== undefined) {
    program.call("ioctl", "controlling terminal", SYS.ioctl, descriptors[0], TIOCSCTTY, 0);
  }
  descriptors.forEach((from, to) =>
    program.call("dup3", `descriptor ${to}`, SYS.dup3, from, to, 0)
  );
  const flags = CLOSE_RANGE_CLOEXEC;
  program.call("close_range", "descriptors", SYS.close_range, 3, 0xffffffff, flags);
}

/** In the order that the kernel's rules dictate: each step needs what the next ones take away. */
function takeIdentity(
  program: ChildProgram,
  { uid, gid, groups }: Identity,
  sets: CapabilityNumbers,
  isParked: boolean,
): void {
  if (!isParked) dropOthers(program, sets.bounding);
  program.call("prctl", "keep capabilities", SYS.prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
  const list = new Uint8Array(new Uint32Array(groups).buffer);
  program.call("setgroups", groups.join(), SYS.setgroups, groups.length, list);
  program.call("setgid", String(gid), SYS.setresgid, gid, gid, gid);
  program.call("setuid", String(uid), SYS.setresuid, uid, uid, uid);
  setCapabilities(program, sets);
}

function setCapabilities(program: ChildProgram, sets: CapabilityNumbers): void {
  const { effective, permitted, inheritable, ambient } = sets;
  // struct __user_cap_data_struct twice: 32 bits each of effective, permitted, inheritable.
  const data = new Uint32Array(6);
  [effective, permitted, inheritable].forEach((set, at) => {
    for (const each of set) data[each < 32 ? at : at + 3]! |= 1 << each % 32;
  });
  const header = new Uint32Array(2);
  header[0] = CAPABILITY_VERSION;
  const bytes = (words: Uint32Array) => new Uint8Array(words.buffer);
  program.call("capset", "the process", SYS.capset, bytes(header), bytes(data));
  for (const each of ambient) {
    const [option, raise] = [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE];
    program.call("prctl", `ambient capability ${each}`, SYS.prctl, option, raise, each, 0, 0);
  }
}

/** Flags of a recursive change of propagation, so that nothing mounted here shows elsewhere. */
export const PRIVATE = MOUNT.MS_REC | MOUNT.MS_PRIVATE;

/**
 * Telling those who watch a container's control group on the host that the guest's kernel has killed for lack of memory:
 * containerd listens to nothing else. The kernel itself tells them, since nobody else can.
 */
import { dirname, join } from "@std/path";
import { messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import {
  Fd,
  killForMemory,
  O_RDONLY,
  open,
  pause,
  SYS,
  syscall,
  waitForInput,
} from "../sys/mod.ts";
import { starvedGroup } from "./starved_group.ts";

/** Milliseconds until watchers know, at the most. */
const PATIENCE = 1000;
/** Tries to empty a group in which processes may start meanwhile, and milliseconds between them. */
const TRIES = 20, INTERVAL = 10;
const EFD_CLOEXEC = 0o2000000;

/**
 * Makes the kernel tell the watchers of a control group of a kill for lack of memory. A group that this process is not
 * in is left alone; what fails is logged.
 *
 * @param group the container's directory in the hierarchy that has the memory controller
 */
export async function announceKill(group: string): Promise<void> {
  try {
    if (!processesIn(group).includes(String(Deno.pid))) return;
    // Version 1 has this file (Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control").
    if (isThere(join(group, "cgroup.event_control"))) await remake(group);
    else killBeside(group);
  } catch (error) {
    getLogger("shim").warn("watchers of the control group not told of the lack of memory", {
      group,
      reason: messageOf(error),
    });
  }
}

/** Version 2: watchers look at the kills that are counted in the group, of which this makes one. */
function killBeside(group: string): void {
  const starved = starvedGroup(group);
  Deno.mkdirSync(starved);
  try {
    Deno.writeTextFileSync(join(starved, "memory.max"), "0");
    if (!killForMemory(starved)) throw new Error("the kernel does not count its own memory");
  } finally {
    Deno.removeSync(starved);
  }
}

/**
 * Version 1: watchers are signalled when this group's own limit has been reached, or when the group has been removed;
 * containerd tells the two apart by whether it is there. A limit would let the kernel take memory from the VM and kill in
 * it, so the group is removed and made again while its processes are in the one above.
 */
async function remake(group: string): Promise<void> {
  using signalled = watch(group);
  const above = dirname(group);
  const moved = new Set<string>();
  try {
    for (let tries = 1; !isRemoved(group, above, moved); tries++) {
      if (tries === TRIES) {
        throw new Error(`Cannot remove ${group}: processes go on starting in it`);
      }
      await pause(INTERVAL);
    }
  } finally {
    if (!isThere(group)) makeLike(group, above);
    for (const pid of moved) move(pid, group);
  }
  await waitForInput(signalled, PATIENCE);
}

function isRemoved(group: string, above: string, moved: Set<string>): boolean {
  for (const pid of processesIn(group)) {
    if (move(pid, above)) moved.add(pid);
  }
  try {
    Deno.removeSync(group);
    return true;
  } catch {
    return false;
  }
}

/** Nobody can enter a group that has no processors or memory nodes, where those are of the same hierarchy. */
function makeLike(group: string, above: string): void {
  Deno.mkdirSync(group);
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    if (!isThere(join(above, name))) continue;
    Deno.writeTextFileSync(join(group, name), Deno.readTextFileSync(join(above, name)));
  }
}

/** A descriptor that can be read from when other watchers have been signalled too: this one is the last of them. */
function watch(group: string): Fd {
  const signalled = new Fd(syscall("eventfd2", "a counter", SYS.eventfd2, 0, EFD_CLOEXEC));
  using watched = open(join(group, "memory.oom_control"), O_RDONLY);
  const line = `${signalled.number} ${watched.number}`;
  Deno.writeTextFileSync(join(group, "cgroup.event_control"), line);
  return signalled;
}

/** @returns whether the process was there */
function move(pid: string, group: string): boolean {
  try {
    Deno.writeTextFileSync(join(group, "cgroup.procs"), pid);
    return true;
  } catch (error) {
    getLogger("shim").debug("process not moved", { pid, group, reason: messageOf(error) });
    return false;
  }
}

function processesIn(group: string): string[] {
  return Deno.readTextFileSync(join(group, "cgroup.procs")).split("\n").filter((each) =>
    each !== ""
  );
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

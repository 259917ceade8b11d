import { join } from "@std/path";
import { getLogger } from "../../log.ts";
// Past its room's face: it is a name.
import { starvedGroup } from "../../shim/starved_group.ts";
import { pause } from "../../sys/mod.ts";
import { cgroupDirectory } from "./cgroup_path.ts";

/** Tries to remove a group whose last process is just ending, and milliseconds between them. */
const TRIES = 20, INTERVAL = 10;
/** What engines count by, where a group has to ask for it (version 2). */
const CONTROLLERS = ["cpu", "cpuset", "io", "memory", "pids"];

/** Mount options of version 1 that name no controller. */
const OTHER = /^(rw|ro|xattr|noprefix|clone_children|cpuset_v2_mode|release_agent=.*)$/;

/** A hierarchy of control groups on the host. */
interface Hierarchy {
  mount: string;
  /** Version 1: names of what it controls. */
  controllers: readonly string[];
  version: 1 | 2;
}

/**
 * The directories of a container's control group, one for each hierarchy of the host; none where `linux.cgroupsPath`
 * does not say one.
 */
export function cgroupDirectories(cgroupsPath: string | undefined, id: string): string[] {
  const path = cgroupDirectory(cgroupsPath, id);
  if (path === undefined) return [];
  return hierarchies().map(({ mount }) => join(mount, path));
}

/** The one of a container's control groups that counts its memory: engines watch it for kills. */
export function memoryGroup(directories: readonly string[]): { memoryGroup?: string } {
  const all = hierarchies();
  const hierarchy = all.find(({ controllers }) => controllers.includes("memory")) ??
    all.find(({ version }) => version === 2);
  const found = hierarchy && directories.find((each) => isIn(hierarchy, each));
  return found === undefined ? {} : { memoryGroup: found };
}

/** This process in other control groups, until it is disposed of: what it starts meanwhile is in them and stays there. */
export class CgroupStay implements Disposable {
  readonly #back: string[] = [];

  /**
   * Makes control groups, where they are not there, and enters them. One that cannot be had is told in the log: that
   * engines count less is no reason not to run.
   */
  constructor(directories: readonly string[]) {
    const home = ownGroups();
    for (const hierarchy of hierarchies()) {
      const directory = directories.find((each) => isIn(hierarchy, each));
      if (directory === undefined) continue;
      try {
        makeGroup(hierarchy, directory);
        enter(directory);
        this.#back.push(join(hierarchy.mount, home.get(keyOf(hierarchy)) ?? "/"));
      } catch (error) {
        getLogger("oci").warn("control group not entered", { directory, error });
      }
    }
  }

  [Symbol.dispose](): void {
    for (const directory of this.#back) {
      try {
        enter(directory);
      } catch (error) {
        getLogger("oci").warn("control group not left", { directory, error });
      }
    }
  }
}

/** Takes this process out of the control groups that it was started in: what it does is not for a container. */
export function leaveCgroups(): void {
  for (const { mount } of hierarchies()) {
    try {
      enter(mount);
    } catch (error) {
      getLogger("oci").debug("control group not left", { mount, error });
    }
  }
}

/** Removes a container's control groups, which nobody is in any more; those that are not there are fine. */
export async function removeCgroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories.flatMap((each) => [starvedGroup(each), each])) {
    for (let tries = 1; !tryRemove(directory); tries++) {
      if (tries === TRIES) {
        getLogger("oci").warn("control group not removed", { directory });
        break;
      }
      await pause(INTERVAL);
    }
  }
}

function isIn({ mount }: Hierarchy, directory: string): boolean {
  return directory.startsWith(`${mount}/`);
}

function tryRemove(directory: string): boolean {
  try {
    Deno.removeSync(directory);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

function makeGroup(hierarchy: Hierarchy, directory: string): void {
  const below = directory.slice(hierarchy.mount.length).split("/").filter((each) => each !== "");
  let parent = hierarchy.mount;
  for (const name of below) {
    const child = join(parent, name);
    if (hierarchy.version === 2) requestControllers(parent);
    try {
      Deno.mkdirSync(child);
      if (hierarchy.controllers.includes("cpuset")) inheritCpuset(parent, child);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    parent = child;
  }
}

/** A group that has processes itself cannot hand its controllers on: then there is less to be counted. */
function requestControllers(directory: string): void {
  for (const name of CONTROLLERS) {
    try {
      Deno.writeTextFileSync(join(directory, "cgroup.subtree_control"), `+${name}`);
    } catch {
      continue;
    }
  }
}

/** Nobody can enter a group of version 1 that has no processors or memory nodes. */
function inheritCpuset(parent: string, child: string): void {
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    Deno.writeTextFileSync(join(child, name), Deno.readTextFileSync(join(parent, name)));
  }
}

function enter(directory: string): void {
  Deno.writeTextFileSync(join(directory, "cgroup.procs"), String(Deno.pid));
}

/** Those that are mounted, each once (proc_pid_mountinfo(5)). */
function hierarchies(): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of Deno.readTextFileSync("/proc/self/mountinfo").split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , , mount = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const version = type === "cgroup" ? 1 : 2;
    const controllers = version === 1 ? options.split(",").filter((each) => !OTHER.test(each)) : [];
    const hierarchy: Hierarchy = { mount, controllers, version };
    if (!found.some((each) => keyOf(each) === keyOf(hierarchy))) found.push(hierarchy);
  }
  return found;
}

function keyOf({ controllers }: Hierarchy): string {
  return controllers.toSorted().join(",");
}

/** The groups that this process is in, by what they control (cgroups(7), "/proc/[pid]/cgroup"). */
function ownGroups(): Map<string, string> {
  const lines = Deno.readTextFileSync("/proc/self/cgroup").trim().split("\n");
  return new Map(lines.map((line) => {
    const [, controllers = "", ...path] = line.split(":");
    return [controllers.split(",").filter((each) => each !== "").sort().join(","), path.join(":")];
  }));
}

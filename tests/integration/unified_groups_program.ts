/**
 * Does on a host whose control groups are all of version 2 what making a container and its shim's end do there; prints
 * what it sees.
 */
import {
  cgroupDirectories,
  CgroupStay,
  memoryGroup,
  removeCgroups,
} from "../../lib/oci/runtime/cgroups.ts";
import { announceKill } from "../../lib/shim/announce_kill.ts";

const MOUNT = "/sys/fs/cgroup";
const read = (path: string) => Deno.readTextFileSync(path).trim();
const directoriesIn = (path: string) =>
  [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);

// As on any such host the root group hands controllers on: here it must be empty for that.
Deno.mkdirSync(`${MOUNT}/home`);
Deno.writeTextFileSync(`${MOUNT}/home/cgroup.procs`, String(Deno.pid));

const directories = cgroupDirectories("pods-web.slice:podvisor:one", "one");
const [group = ""] = directories;
const told: Record<string, unknown> = { directories };
{
  using _stay = new CgroupStay(directories);
  told.entered = read("/proc/self/cgroup");
  told.controllers = read(`${group}/cgroup.controllers`).split(" ").sort();
  told.memoryGroup = memoryGroup(directories).memoryGroup;
  using watcher = Deno.watchFs(`${group}/memory.events`);
  const changed = watcher[Symbol.asyncIterator]().next();
  await announceKill(group);
  await changed;
  told.events = read(`${group}/memory.events`);
  told.beside = directoriesIn(`${MOUNT}/pods.slice/pods-web.slice`);
}
told.left = read("/proc/self/cgroup");
// What a shim leaves that is killed while it tells watchers.
Deno.mkdirSync(`${group}-oom`);
await removeCgroups(directories);
told.afterwards = directoriesIn(`${MOUNT}/pods.slice/pods-web.slice`);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(told)));
Deno.exit(0);

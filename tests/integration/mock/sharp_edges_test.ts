/* What went wrong in the originals and must not here (seed-walkthrough 4, virtcontainers-behaviour), where no other test names it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../../lib/failure.ts";
import { configureLogging } from "../../../lib/log.ts";
import {
  createContainer,
  createPod,
  isServed,
  loadPod,
  pausePod,
  removeContainer,
  removePod,
  resumePod,
  startContainer,
  startPod,
  stopPod,
} from "../../../lib/pod/mod.ts";
import { isAlive, signalProcess } from "../../../lib/sys/mod.ts";
import { containerConfig, podConfig, World } from "./world.ts";

// What goes wrong on purpose is told in the log, which is none of the tests' output; the library of system calls stays
// open.
configureLogging({ level: "error" });
signalProcess(Deno.pid, 0);

const FOREVER = new AbortController().signal;

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

async function runningPod(world: World, ...containers: string[]): Promise<void> {
  await createPod(world.tools, "p", podConfig(), FOREVER);
  await startPod(world.tools, "p", FOREVER);
  for (const id of containers) {
    await createContainer(world.tools, "p", id, containerConfig(world, id, ["sleep"]));
    await startContainer(world.tools, "p", id);
  }
}

test("a paused pod can be stopped, and removed without force", async () => {
  await using world = new World();
  await runningPod(world, "c");
  await pausePod(world.tools, "p");
  assertEquals((await stopPod(world.tools, "p")).state, "stopped");
  assertEquals(world.processes(), []);
  await startPod(world.tools, "p", FOREVER);
  await pausePod(world.tools, "p");
  await removePod(world.tools, "p", false);
  world.assertNothingLeft("after a paused pod was removed");
});

test("pausing and resuming follow the table: a pod that is not running is not paused, one that is not paused not resumed", async () => {
  await using world = new World();
  await createPod(world.tools, "p", podConfig(), FOREVER);
  await assertRejects(() => pausePod(world.tools, "p"), Failure, "from ready to paused");
  await assertRejects(() => resumePod(world.tools, "p"), Failure, "from ready to paused");
  await stopPod(world.tools, "p");
  await assertRejects(() => resumePod(world.tools, "p"), Failure, "from stopped to paused");
});

test("a pod with many containers is removed as a whole, none being skipped, and they are removed in any order", async () => {
  await using world = new World();
  const names = ["a", "b", "c", "d", "e"];
  await runningPod(world, ...names);
  for (const id of ["c", "a", "e"]) await removeContainer(world.tools, "p", id, true);
  const { pod, containers } = await loadPod(world.store, "p");
  assertEquals(containers.map(({ id }) => id), ["b", "d"]);
  assertEquals(world.tracesOf(pod, "c"), []);
  await removePod(world.tools, "p", true);
  world.assertNothingLeft("after the pod was removed");
});

test("a container that never started leaves no shim when it is removed", async () => {
  await using world = new World();
  await runningPod(world);
  await createContainer(world.tools, "p", "c", containerConfig(world, "c", ["sleep"]));
  const { containers: [made] } = await loadPod(world.store, "p");
  assert(isServed(made!.shim!));
  await removeContainer(world.tools, "p", "c", false);
  assert(!isServed(made!.shim!));
  assertEquals(world.processes(), ["proxy", "vm"]);
  assertEquals(await world.claimable(null), []);
});

test("a pod whose record cannot be read is not touched by a command that fails on it, and removed by force", async () => {
  await using world = new World();
  await runningPod(world, "c");
  const { pod } = await loadPod(world.store, "p");
  const { record } = world.directory("p");
  await Deno.writeTextFile(record, "{");
  await assertRejects(() => stopPod(world.tools, "p"), Failure, "Cannot read the record");
  await assertRejects(() => removePod(world.tools, "p", false), Failure, "Cannot read the record");
  assert(isAlive(pod.vm!.process), "the VM is gone");
  assertEquals(world.tracesOf(pod, "c").length, 5);
  await removePod(world.tools, "p", true);
  world.assertNothingLeft("after it was removed by force");
});

test("what is read-only for a container is so for its guest, however hostile: the volume, and the share around it", async () => {
  await using world = new World();
  await runningPod(world, "c");
  const { pod } = await loadPod(world.store, "p");
  const { share } = world.directory("p");
  const inVm = async (path: string) => {
    const args = ["--mount", "--target", String(pod.vm!.process.pid), "touch", path];
    const { code, stderr } = await new Deno.Command("nsenter", { args }).output();
    return code === 0 ? "written" : new TextDecoder().decode(stderr).trim().split(": ").at(-1);
  };
  assertEquals(await inVm(join(share, "c:0-data", "x")), "Read-only file system");
  assertEquals(await inVm(join(share, "x")), "Read-only file system");
  assertEquals(await inVm(join(share, "c", "x")), "Read-only file system");
  assertEquals(await inVm(join(share, "c", "rootfs", "x")), "written");
});

test("links that a guest puts into a root file system are not followed when its container and its pod go", async () => {
  await using world = new World();
  await runningPod(world, "c");
  const kept = join(world.root, "kept");
  await Deno.mkdir(kept);
  await Deno.writeTextFile(join(kept, "file"), "");
  const root = join(world.root, "host", "c");
  await Deno.symlink(kept, join(root, "link"));
  await Deno.symlink("../..", join(root, "up"));
  await removeContainer(world.tools, "p", "c", true);
  await removePod(world.tools, "p", true);
  assertEquals([...Deno.readDirSync(kept)].map(({ name }) => name), ["file"]);
  assertEquals([...Deno.readDirSync(root)].map(({ name }) => name).sort(), [
    "link",
    "up",
    "volume",
  ]);
});

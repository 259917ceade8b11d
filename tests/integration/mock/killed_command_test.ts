import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { configureLogging } from "../../../lib/log.ts";
import { collectGarbage, PodStore, removePod } from "../../../lib/pod/mod.ts";
import { signalProcess } from "../../../lib/sys/mod.ts";
import { installFakeQemu } from "../../fake_vm/mod.ts";
import { Bench } from "../../harness/podvisor.ts";
import { command } from "../../unit/agent/scene.ts";
import {
  type ActionName,
  ACTIONS,
  COURSES,
  fakeHypervisor,
  type LifeConfig,
  nameOf,
} from "./life.ts";
import { assertNoStrayShims, assertTruth } from "./truth.ts";
import { podConfig } from "./world.ts";

// What goes wrong on purpose is told in the log, which is none of the tests' output; the library of system calls stays
// open.
configureLogging({ level: "error" });
signalProcess(Deno.pid, 0);

const SIGKILL = 128 + 9;
const HERE = (name: string) => fromFileUrl(new URL(name, import.meta.url));

/** A pod whose guest is the stand-in's, and a container that runs until it is killed. */
async function lifeIn(directory: string): Promise<LifeConfig> {
  const path = join(directory, "root");
  await Deno.mkdir(path);
  const { kinds: _, ...pod } = podConfig();
  return {
    pod,
    container: {
      root: { kind: "directory", path },
      interactive: true,
      readOnlyRoot: false,
      command: command(["cat"]),
      volumes: [{ source: path, destination: "/data", readOnly: true }],
      devices: [],
      blockDriver: "virtio-scsi",
      memoryMounts: [],
      cpu: { quota: 0, period: 0, shares: 0 },
      memory: 0,
      pids: 0,
      shmSize: 0,
    },
  };
}

/** Runs an action in a process of its own, which kills itself before a step. @returns whether it has */
async function actUntil(
  root: string,
  program: string,
  action: ActionName,
  step: number,
  life: LifeConfig,
): Promise<boolean> {
  const config = ["--config", HERE("../../../deno.json")];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-all", ...config, HERE("killed_command.ts")],
      ...[root, program, action, String(step), JSON.stringify(life)],
    ],
    stdin: "null",
    stdout: "null",
  }).output();
  if (code === SIGKILL) return true;
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], `${action}, step ${step}`);
  return false;
}

for (const course of COURSES) {
  const before = course.slice(0, -1);
  const action = course.at(-1)!;
  Deno.test({
    name: `kill -9 of the command at any step of ${
      nameOf(course)
    }: the truth is told, and all can be removed`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await using bench = await Bench.make();
      const program = await installFakeQemu(bench.state);
      const life = await lifeIn(bench.state);
      const store = new PodStore(bench.state);
      const tools = { store, hypervisor: fakeHypervisor(program) };
      let killed = true;
      for (let step = 1; killed; step++) {
        assert(step < 40, "it has too many steps");
        for (const each of before) await ACTIONS[each](tools, life);
        killed = await actUntil(bench.state, program, action, step, life);
        const when = `after it was killed at step ${step}`;
        const lasts = before.length > 0;
        if (lasts) await assertNoStrayShims(store, "p", when);
        if (lasts) await assertTruth(store, "p", when);
        for (const { removed } of await collectGarbage(store)) assertEquals(removed, !lasts, when);
        if (killed && !lasts) assertEquals(await bench.leftovers(), [], `gc left ${when}`);
        if (await store.has("p")) await removePod(tools, "p", true);
        assertEquals(await bench.leftovers(), [], when);
      }
    },
  });
}

import { assert, assertEquals } from "@std/assert";
import { configureLogging } from "../../../lib/log.ts";
import {
  createContainer,
  createPod,
  execInContainer,
  loadPod,
  removeContainer,
  removePod,
  startContainer,
  startPod,
  stopContainer,
  stopPod,
} from "../../../lib/pod/mod.ts";
import { isAlive, signalProcess } from "../../../lib/sys/mod.ts";
import { command } from "../../unit/agent/scene.ts";
import { containerConfig, podConfig, World } from "./world.ts";

// What goes wrong on purpose is told in the log, which is none of the tests' output; the library of system calls stays
// open.
configureLogging({ level: "error" });
signalProcess(Deno.pid, 0);

const FOREVER = new AbortController().signal;
/** More steps than anything here has. */
const ENDLESS = 40;

/** What can be done to a pod `p` and its container `c`. */
const ACTIONS = {
  "pod create": ({ tools }: World) => createPod(tools, "p", podConfig(), FOREVER),
  "pod start": ({ tools }: World) => startPod(tools, "p", FOREVER),
  "container create": (world: World) =>
    createContainer(world.tools, "p", "c", containerConfig(world, "c", ["sleep"])),
  "container start": ({ tools }: World) => startContainer(tools, "p", "c"),
  "container exec": ({ tools }: World) =>
    execInContainer(tools, {
      pod: "p",
      container: "c",
      command: () => command(["exit", "3"]),
      streams: { interactive: false, terminal: false },
      signal: FOREVER,
    }),
  "container stop": ({ tools }: World) => stopContainer(tools, "p", "c", 0),
  "container rm": ({ tools }: World) => removeContainer(tools, "p", "c", true),
  "pod stop": ({ tools }: World) => stopPod(tools, "p"),
  "pod rm": ({ tools }: World) => removePod(tools, "p", true),
} as const;

type ActionName = keyof typeof ACTIONS;

/** What comes before most of them. */
const RUNNING: readonly ActionName[] = [
  "pod create",
  "pod start",
  "container create",
  "container start",
];

/** Each action, after those that it needs. */
const COURSES: readonly (readonly ActionName[])[] = [
  ...RUNNING.map((_, index) => RUNNING.slice(0, index + 1)),
  [...RUNNING, "container exec"],
  [...RUNNING, "container stop"],
  [...RUNNING, "container stop", "container start"],
  [...RUNNING, "container rm"],
  [...RUNNING, "pod stop"],
  [...RUNNING, "pod stop", "pod start"],
  [...RUNNING, "pod rm"],
];

/** Fails unless the records, as a command reads them, say what truly runs. */
async function assertTruth(world: World, when: string): Promise<void> {
  if (!await world.store.has("p")) return world.assertNothingLeft(when);
  const { pod, containers } = await loadPod(world.store, "p");
  if (pod.state === "stopped") {
    const up = pod.vm && pod.proxy && isAlive(pod.vm.process) && isAlive(pod.proxy.process!);
    assert(!up, `the pod is said to have stopped ${when}`);
    assert(pod.vm === null || pod.reason !== null, `no reason is told ${when}`);
  } else {
    assert(isAlive(pod.vm!.process), `the pod is said to be ${pod.state} without a VM ${when}`);
    assert(isAlive(pod.proxy!.process!), `said to be ${pod.state} without a proxy ${when}`);
  }
  for (const { state, shim, reason, exit } of containers) {
    if (state === "stopped") assert(reason !== null || exit !== null, `nothing is told ${when}`);
    else assert(isAlive(shim!), `the container is said to be ${state} without a shim ${when}`);
    if (pod.state === "stopped") assertEquals(state, "stopped", when);
  }
}

for (const part of ["vm", "proxy", "shim"] as const) {
  for (const course of COURSES) {
    if (part === "shim" && course.length < 3) continue;
    const before = course.slice(0, -1);
    const action = course.at(-1)!;
    Deno.test({
      name: `kill -9 of the ${part} at any step of ${action}${
        after(before)
      }: the truth is told, and all can be removed`,
      sanitizeOps: false,
      sanitizeResources: false,
      fn: async () => {
        await using world = new World();
        for (let step = 1, last = false; !last; step++) {
          assert(step < ENDLESS, "it has too many steps");
          for (const each of before) await ACTIONS[each](world);
          world.interruptAt(step, () => world.kill(part));
          await ACTIONS[action](world).catch(() => {});
          last = world.uninterrupted();
          const when = `after step ${step}: ${world.steps[step - 1]}`;
          await assertTruth(world, when);
          if (await world.store.has("p")) await removePod(world.tools, "p", true);
          world.assertNothingLeft(when);
        }
      },
    });
  }
}

/** Where one action comes twice. */
function after(before: readonly ActionName[]): string {
  const last = before.at(-1) ?? "";
  return last.endsWith("stop") ? ` after ${last}` : "";
}

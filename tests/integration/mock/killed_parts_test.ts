import { assert } from "@std/assert";
import { join } from "@std/path";
import { configureLogging } from "../../../lib/log.ts";
import { type PodConfig, removePod } from "../../../lib/pod/mod.ts";
import { ProxyServer } from "../../../lib/proxy/server.ts";
import { signalProcess } from "../../../lib/sys/mod.ts";
import { ACTIONS, COURSES, nameOf } from "./life.ts";
import { assertTruth } from "./truth.ts";
import { containerConfig, podConfig, World } from "./world.ts";

// What goes wrong on purpose is told in the log, which is none of the tests' output; the library of system calls stays
// open.
configureLogging({ level: "error" });
signalProcess(Deno.pid, 0);

/** More steps than anything here has. */
const ENDLESS = 40;

/** Shims are processes of their own in front of a proxy that is none of the pod's. */
function podWithShims(proxy: ProxyServer): PodConfig {
  const { kinds } = podConfig();
  return podConfig({ kinds: { ...kinds!, proxy: { kind: "noop", url: proxy.url } } });
}

for (const part of ["vm", "proxy", "shim"] as const) {
  for (const course of COURSES) {
    // A shim there is only with a container; and starting anew differs for nobody but the VM.
    if (part === "shim" && course.length < 3 || part !== "vm" && course.length > 5) continue;
    const before = course.slice(0, -1);
    const action = course.at(-1)!;
    Deno.test({
      name: `kill -9 of the ${part} at any step of ${
        nameOf(course)
      }: the truth is told, and all can be removed`,
      sanitizeOps: false,
      sanitizeResources: false,
      fn: async () => {
        await using world = new World();
        await using proxy = new ProxyServer({ path: join(world.root, "own.sock"), onePod: false });
        const pod = part === "shim" ? podWithShims(proxy) : podConfig();
        const life = { pod, container: containerConfig(world, "c", ["sleep"]) };
        for (let step = 1, last = false; !last; step++) {
          assert(step < ENDLESS, "it has too many steps");
          for (const each of before) await ACTIONS[each](world.tools, life);
          world.interruptAt(step, () => world.kill(part));
          await ACTIONS[action](world.tools, life).catch(() => {});
          last = world.uninterrupted();
          const when = `after step ${step}: ${world.steps[step - 1]}`;
          await assertTruth(world.store, "p", when);
          if (await world.store.has("p")) await removePod(world.tools, "p", true);
          world.assertNothingLeft(when);
        }
      },
    });
  }
}

import { join } from "@std/path";
import { PlainRestorer } from "./plain_restore.ts";
import { type Place, processorTimeOfChildren } from "./podvisor.ts";
import { Spares } from "./spares.ts";
import { median, type Row } from "./row.ts";

const RUNS = 9, COLD_RUNS = 3, EXECS = 21, PODS = 10;
const MB = 1e6;

/** Pods that are restored, against QEMU that restores the same VM, and against pods that boot. */
export async function measureTemplates(place: Place): Promise<Row[]> {
  await must(place, "use", "template", "build");
  return [...await measureStarts(place), ...await measurePods(place)];
}

interface Cost {
  wall: number;
  processor: number;
}

/** One after the other in turn, so that what else goes on here meets all. */
async function measureStarts(place: Place): Promise<Row[]> {
  await must(place, "use", "pod", "create", "plain");
  const restorer = PlainRestorer.make(place, "plain");
  await must(place, "use", "pod", "rm", "--force", "plain");
  const plain: Cost[] = [], restored: Cost[] = [], cold: Cost[] = [], spare: Cost[] = [];
  for (let run = 0; run < RUNS; run++) {
    plain.push(await restorer.restore());
    restored.push(await runOnce(place, "use"));
    if (run < COLD_RUNS) cold.push(await runOnce(place, "off"));
    await using spares = await Spares.make(place);
    spare.push(await runOnce(place, "use", spares.env));
  }
  const [plainly, warm, boot, handed] = [plain, restored, cold, spare].map((costs) => ({
    wall: median(costs.map(({ wall }) => wall)),
    processor: median(costs.map(({ processor }) => processor)),
  })) as [Cost, Cost, Cost, Cost];
  const atOnce = performance.now();
  await Promise.all(Array.from({ length: PODS }, () => runOnce(place, "use")));
  const together = performance.now() - atOnce;
  const command = "run busybox true";
  return [
    {
      name: `${command}, restored ÷ plain QEMU that restores the same`,
      value: warm.wall / plainly.wall,
      unit: "",
      budget: 8,
    },
    {
      name: `${command}, from a spare ÷ plain QEMU that restores the same`,
      value: handed.wall / plainly.wall,
      unit: "",
      budget: 3,
    },
    {
      name: `${command}, restored ÷ booted`,
      value: warm.wall / boot.wall,
      unit: "",
      budget: 1 / 6,
    },
    {
      name: "the same, processor time of all that takes part",
      value: warm.processor / boot.processor,
      unit: "",
    },
    { name: `${command}, from a spare`, value: handed.wall, unit: "ms" },
    { name: `${command}, restored`, value: warm.wall, unit: "ms" },
    { name: `${command}, restored: processor time`, value: warm.processor, unit: "ms" },
    { name: `${command}, booted`, value: boot.wall, unit: "ms" },
    { name: "plain QEMU that restores the same, until it runs", value: plainly.wall, unit: "ms" },
    {
      name: "plain QEMU that restores the same: processor time",
      value: plainly.processor,
      unit: "ms",
    },
    { name: `${command}, restored, ${PODS} at once: all of them`, value: together, unit: "ms" },
  ];
}

/** From the command to its end. */
async function runOnce(place: Place, use: string, env?: Record<string, string>): Promise<Cost> {
  const [start, used] = [performance.now(), processorTimeOfChildren()];
  await mustWith(place.env({ PODVISOR_TEMPLATE: use, ...env }), place, "run", "busybox", "true");
  return { wall: performance.now() - start, processor: processorTimeOfChildren() - used };
}

/** Pods that have an idle container each; the one that has booted is beside the others, and shares programs with them. */
async function measurePods(place: Place): Promise<Row[]> {
  const names = Array.from({ length: PODS }, (_, index) => `idle-${index}`);
  try {
    for (const name of names) await startIdle(place, name, "use");
    await startIdle(place, "cold", "off");
    const last = names.at(-1)!;
    const [tenth, booted] = [podMemory(place, last), podMemory(place, "cold")];
    const inRestored: number[] = [], inBooted: number[] = [];
    for (let run = 0; run < EXECS; run++) {
      inRestored.push(await execIn(place, last));
      inBooted.push(await execIn(place, "cold"));
    }
    return [
      {
        name: `PSS of ${PODS} restored idle pods, the last ÷ one that booted`,
        value: tenth / booted,
        unit: "",
        budget: 0.4,
      },
      { name: "PSS of that pod: QEMU, proxy, shim", value: tenth / MB, unit: "MB" },
      { name: "PSS of the one that booted", value: booted / MB, unit: "MB" },
      {
        name: "exec in a restored pod ÷ in one that booted",
        value: median(inRestored) / median(inBooted),
        unit: "",
        budget: 1.1,
      },
    ];
  } finally {
    for (const name of [...names, "cold"]) {
      await must(place, "use", "pod", "rm", "--force", name).catch(() => {});
    }
  }
}

async function startIdle(place: Place, pod: string, use: string): Promise<void> {
  await must(place, use, "pod", "run", pod);
  const args = ["container", "run", "-d", "--pod", pod, "--name", `in-${pod}`];
  await must(place, use, ...args, "busybox", "sleep", "3600");
}

async function execIn(place: Place, pod: string): Promise<number> {
  const started = await place.start(["container", "exec", `in-${pod}`, "echo", "ready"]);
  await started.finish();
  return started.milliseconds;
}

/** PSS of every process that works for a pod, in bytes: those that name its directory on their command line. */
function podMemory(place: Place, pod: string): number {
  const directory = `${join(place.state, "pods", pod)}/`;
  let sum = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || !readOf(name, "cmdline").includes(directory)) continue;
    sum += Number(/^Pss: +(\d+) kB/m.exec(readOf(name, "smaps_rollup"))?.[1] ?? 0) * 1024;
  }
  return sum;
}

/** A file of a process in /proc; empty when the process is gone. */
function readOf(pid: string, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return "";
  }
}

async function must(place: Place, use: string, ...args: string[]): Promise<void> {
  await mustWith(place.env({ PODVISOR_TEMPLATE: use }), place, ...args);
}

async function mustWith(env: Record<string, string>, place: Place, ...args: string[]) {
  const { code, stderr } = await new Deno.Command(place.binary, {
    args,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  throw new Error(
    `podvisor ${args.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`,
  );
}

import { bootPlainly, type PlainBoot, writeTrivialInitrd } from "./plain_boot.ts";
import { type Place, podProcesses, processorTime } from "./podvisor.ts";
import { median, type Row } from "./row.ts";

const RUNS = 7;

/**
 * From the command to the first byte of its output, against plain QEMU that boots the same kernel: one after the other
 * in turn, so that what else goes on here meets both.
 */
export async function measureColdStart(place: Place): Promise<Row[]> {
  const initrd = await writeTrivialInitrd(place.directory);
  const kernel = place.kernel();
  const runs: { wall: number; processor: number; all: number }[] = [];
  const tuned: PlainBoot[] = [];
  const untuned: PlainBoot[] = [];
  for (let run = 0; run < RUNS; run++) {
    tuned.push(await bootPlainly(kernel, initrd, "tuned"));
    runs.push(await startOnce(place));
    untuned.push(await bootPlainly(kernel, initrd, "default"));
  }
  const wall = median(runs.map((each) => each.wall));
  const processor = median(runs.map((each) => each.processor));
  const all = median(runs.map((each) => each.all));
  const plain = median(tuned.map((each) => each.wall));
  const plainProcessor = median(tuned.map((each) => each.processor));
  const defaults = median(untuned.map((each) => each.wall));
  return [
    {
      name: "cold start ÷ plain boot, default processor and command line",
      value: wall / defaults,
      unit: "",
      budget: 2.5,
    },
    // Without a budget: whatever makes the kernel itself boot faster, for both, makes this larger.
    {
      name: "cold start ÷ plain boot, processor and command line tuned as a pod's",
      value: wall / plain,
      unit: "",
    },
    {
      name: "cold start: QEMU's processor time ÷ that of the plain boot",
      value: processor / plainProcessor,
      unit: "",
    },
    { name: "cold start", value: wall, unit: "ms" },
    { name: "cold start: processor time of QEMU", value: processor, unit: "ms" },
    { name: "cold start: processor time of command and proxy", value: all - processor, unit: "ms" },
    { name: "plain boot, processor and command line tuned as a pod's", value: plain, unit: "ms" },
    { name: "plain boot, default processor and command line", value: defaults, unit: "ms" },
  ];
}

async function startOnce(place: Place): Promise<{ wall: number; processor: number; all: number }> {
  const started = await place.start(["run", "busybox", "echo", "ready"]);
  const { qemu, proxy } = podProcesses(place);
  const processor = processorTime(qemu);
  const all = processor + processorTime(proxy) + processorTime(started.pid);
  await started.finish();
  return { wall: started.milliseconds, processor, all };
}

import { FakeVms } from "./fake_vms.ts";
import { type Place, podProcesses, processorTime } from "./podvisor.ts";
import { median, type Row } from "./row.ts";

const RUNS = 15;

/** From the command to the first byte of its output, with a VM that answers at once. */
export async function measureHostWork(place: Place): Promise<Row[]> {
  using vms = await FakeVms.make(place.directory);
  const env = { PODVISOR_QEMU: vms.program };
  const wall: number[] = [];
  const processor: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = await place.start(["run", "busybox", "echo", "ready"], { env });
    const { proxy } = podProcesses(place);
    processor.push(processorTime(proxy) + processorTime(started.pid));
    wall.push(started.milliseconds);
    await started.finish();
  }
  return [
    {
      name: "host work alone, command to first output",
      value: median(wall),
      unit: "ms",
      budget: 100,
    },
    { name: "host work alone, least of the runs", value: Math.min(...wall), unit: "ms" },
    {
      name: "host work alone, processor time of command and proxy",
      value: median(processor),
      unit: "ms",
    },
  ];
}

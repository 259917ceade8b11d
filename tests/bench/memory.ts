import { type Place, podProcesses } from "./podvisor.ts";
import type { Row } from "./row.ts";

const KB = 1024, MB = 1e6;
const GUEST_MEMORY = 256 * 1024 * KB;

/** Memory of a pod's processes while a command waits in it: PSS counts what is shared in parts, RSS in full. */
export async function measureMemory(place: Place): Promise<Row[]> {
  const options = ["--memory", "256M", "-i"];
  const args = ["run", ...options, "busybox", "sh", "-c", "echo; cat"];
  const started = await place.start(args, { stdin: true });
  try {
    const { qemu, proxy } = podProcesses(place);
    return [
      ...rowsOf("QEMU beyond guest memory", await usage(qemu)),
      { name: "guest memory in use, of 256 MiB", value: (await usage(qemu, true)).pss, unit: "MB" },
      ...rowsOf("proxy", await usage(proxy)),
      ...rowsOf("command with its shim", await usage(started.pid)),
    ];
  } finally {
    await started.finish();
  }
}

interface Usage {
  pss: number;
  rss: number;
}

function rowsOf(what: string, { pss, rss }: Usage): Row[] {
  return [
    { name: `PSS of ${what}`, value: pss, unit: "MB" },
    { name: `RSS of ${what}`, value: rss, unit: "MB" },
  ];
}

/** Sums over a process's mappings (proc(5), smaps), in MB: those that are guest memory, by their size, or the others. */
async function usage(pid: number, guest = false): Promise<Usage> {
  const sum: Usage = { pss: 0, rss: 0 };
  let counts = false;
  for (const line of (await Deno.readTextFile(`/proc/${pid}/smaps`)).split("\n")) {
    const [, name, kilobytes] = /^(Size|Rss|Pss): +(\d+) kB/.exec(line) ?? [];
    const bytes = Number(kilobytes) * KB;
    if (name === "Size") counts = (bytes === GUEST_MEMORY) === guest;
    if (counts && name === "Rss") sum.rss += bytes / MB;
    if (counts && name === "Pss") sum.pss += bytes / MB;
  }
  return sum;
}

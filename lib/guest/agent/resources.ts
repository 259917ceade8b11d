import { pause } from "../../sys/mod.ts";
import { exists, readFile, writeFile } from "./guest_files.ts";
import { Refusal, type ResourceTotals } from "./runtime.ts";

const SYSTEM = "/sys/devices/system";
const PATIENCE = 5000, PAUSE = 10;
const MIB = 2 ** 20;

/**
 * Brings every processor and memory block online that the host has plugged in. What the host says there is in total is
 * waited for: the kernel takes a while to notice.
 *
 * @throws {Refusal} when it does not appear, or stays offline
 */
export async function onlineResources(total: ResourceTotals): Promise<void> {
  for (let waited = 0; waited < PATIENCE; waited += PAUSE) {
    if (isPresent(total)) break;
    await pause(PAUSE);
  }
  const refused = [...bringOnline("cpu"), ...bringOnline("memory")];
  if (!isPresent(total)) {
    throw new Refusal(
      `Cannot bring resources online: ${total.cpus} processors and ${total.memoryMiB} MiB were ` +
        `announced, ${devices("cpu").length} and ${memoryMiB()} MiB are there`,
    );
  }
  if (refused.length > 0) throw new Refusal(`Cannot bring online: ${refused.join(", ")}`);
}

function isPresent({ cpus, memoryMiB: memory }: ResourceTotals): boolean {
  return devices("cpu").length >= cpus && (memory === 0 || memoryMiB() >= memory);
}

/** Names of those that stay offline. The first processor cannot be switched, and has no such file. */
function bringOnline(kind: "cpu" | "memory"): string[] {
  return devices(kind).filter((name) => {
    const path = `${SYSTEM}/${kind}/${name}/online`;
    if (!exists(path) || readFile(path).trim() !== "0") return false;
    try {
      writeFile(path, "1");
      return false;
    } catch {
      return readFile(path).trim() === "0";
    }
  });
}

/** Memory that the kernel knows of, in whole blocks. */
function memoryMiB(): number {
  const size = Number(`0x${readFile(`${SYSTEM}/memory/block_size_bytes`).trim()}`);
  return devices("memory").length * size / MIB;
}

function devices(kind: "cpu" | "memory"): string[] {
  const directory = `${SYSTEM}/${kind}`;
  if (!exists(directory)) return [];
  return [...Deno.readDirSync(directory)].map(({ name }) => name)
    .filter((name) => name.startsWith(kind) && !isNaN(Number(name.slice(kind.length) || "x")));
}

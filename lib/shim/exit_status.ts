import { messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import type { Dial } from "../proxy/mod.ts";
import { replaceFile } from "../small_file.ts";
import { ranOutOfMemory } from "./out_of_memory.ts";

/** Where the end of a process is to be told. */
export interface ExitPlaces {
  container: string;
  /** The proxy's address. */
  url: string;
  /** Another way to the proxy than its socket. */
  dial?: Dial | undefined;
  /** Its pod, whose guest knows whether it has killed in the container for lack of memory: asked after an error. */
  pod?: string;
  /** File for its exit status. */
  exit?: string;
  /** File that is made when it has; engines look for it. */
  oom?: string;
  /** Control group on the host whose watchers are told too. */
  memoryGroup?: string;
}

/** Tells how a process has ended. One that has ended well has done without what may have been killed. */
export async function recordExit(places: ExitPlaces, code: number): Promise<void> {
  const outOfMemory = code !== 0 && places.pod !== undefined &&
    await wasOutOfMemory({ ...places, pod: places.pod });
  if (outOfMemory && places.oom !== undefined) await Deno.writeTextFile(places.oom, "");
  if (outOfMemory && places.memoryGroup !== undefined) {
    const { announceKill } = await import("./announce_kill.ts");
    await announceKill(places.memoryGroup);
  }
  if (places.exit !== undefined) await writeExit(places.exit, code, outOfMemory);
}

/** Leaves an exit status in a file: the file is there with all of it, or not at all. */
export async function writeExit(file: string, code: number, outOfMemory = false): Promise<void> {
  const finished = new Date().toISOString();
  const status = { code, finished, ...(outOfMemory ? { outOfMemory } : {}) };
  await replaceFile(file, `${JSON.stringify(status)}\n`);
}

/** A guest that cannot say so has not told that it was. */
async function wasOutOfMemory(process: ExitPlaces & { pod: string }): Promise<boolean> {
  try {
    return await ranOutOfMemory(process);
  } catch (error) {
    const { container } = process;
    getLogger("shim").info("not known whether the process was short of memory", {
      container,
      reason: messageOf(error),
    });
    return false;
  }
}

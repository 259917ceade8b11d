import { getLogger } from "../log.ts";
import { type Fd, killProcess, openIdentified, openLifePipe } from "../sys/mod.ts";
import type { ContainerRecord, PodRecord, ShimRecord } from "./records.ts";

/** A descriptor that `waitForEnd` waits with for the end of a shim; nothing when it has ended. */
export function openShim(shim: ShimRecord): Fd | undefined {
  return "pid" in shim ? openIdentified(shim) : openLifePipe(shim.life);
}

/** Whether a shim is there: as long as that, its process has not ended, or its end is still to be told. */
export function isServed(shim: ShimRecord): boolean {
  using open = openShim(shim);
  return open !== undefined;
}

/**
 * Ends the shim of a container at once, if it has one: of a process that still runs that is the end too. A proxy that
 * does not let go of it is told of in the log.
 */
export async function killShim(
  { id, proxy }: PodRecord,
  { id: container, shim }: Pick<ContainerRecord, "id" | "shim">,
): Promise<void> {
  if (shim === null) return;
  if ("pid" in shim) return await killProcess(shim);
  if (!proxy || !isServed(shim)) return;
  // Most commands that come here have no use for it.
  const { releaseShim } = await import("../shim/mod.ts");
  try {
    await releaseShim(proxy.url, id, container);
  } catch (error) {
    if (!isServed(shim)) return;
    getLogger("container", { pod: id, container }).warn("its proxy did not let go of it", {
      error,
    });
  }
}

import { join } from "@std/path";
import { type Fd, lockFile } from "../../sys/mod.ts";
import type { PodDirectory } from "../store.ts";

/** Waits for the lock under which pods are connected to networks. No pod's own lock has this name. */
export async function lockNetworks(directory: PodDirectory): Promise<Fd> {
  return await lockFile(join(directory.root, "locks", ".networks"));
}

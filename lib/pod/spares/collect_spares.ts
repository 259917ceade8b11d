import { isAlive } from "../../sys/mod.ts";
import { collectGarbage, type Leftover } from "../collect_garbage.ts";
import { findTaker, spareStore } from "./spare_store.ts";

/**
 * Ends spares whose keeper is gone: killed, or crashed. The VM of one that a pod has taken is the pod's.
 *
 * @param root state directory
 */
export async function collectSpares(root: string): Promise<Leftover[]> {
  const store = spareStore(root);
  for (const id of await store.list()) {
    const pod = await store.findPod(id);
    if (!pod?.owner || isAlive(pod.owner)) continue;
    if (await findTaker(root, store.directory(id).path)) await store.remove(id);
  }
  return await collectGarbage(store);
}

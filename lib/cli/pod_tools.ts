import type { Paths } from "../config/mod.ts";
import { buildGuest } from "../guest/image/mod.ts";
import { Qemu } from "../hypervisor/mod.ts";
import { PodStore, type PodTools } from "../pod/mod.ts";
import { Progress } from "./progress.ts";

/** What a command works on pods with. The guest is built if it is not there yet. */
export async function makePodTools(paths: Paths, kernel?: string): Promise<PodTools> {
  using progress = new Progress();
  const image = await buildGuest({
    cacheDir: paths.cache,
    ...(kernel === undefined ? {} : { kernel }),
    onStep: (step) => progress.show(step),
  });
  return { store: new PodStore(paths.state), hypervisor: new Qemu({ boot: image }) };
}

import type { Paths } from "../config/mod.ts";
import { buildGuest } from "../guest/image/mod.ts";
import { Qemu } from "../hypervisor/mod.ts";
import { PodStore, type PodTools } from "../pod/mod.ts";
import { Progress } from "./progress.ts";

/** The tools, and the busybox that the built-in root file system is made from. */
export interface CommandTools extends PodTools {
  busybox: string;
}

/** What a command works on pods with. The guest is built if it is not there yet. */
export async function makePodTools(paths: Paths, kernel?: string): Promise<CommandTools> {
  using progress = new Progress();
  const image = await buildGuest({
    cacheDir: paths.cache,
    ...(kernel === undefined ? {} : { kernel }),
    onStep: (step) => progress.show(step),
  });
  const { busybox } = image;
  return { store: new PodStore(paths.state), hypervisor: new Qemu({ boot: image }), busybox };
}

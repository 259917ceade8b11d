import type { Paths } from "../config/mod.ts";
import { HypervisorByKind, Qemu } from "../hypervisor/mod.ts";
import { PodStore, type PodTools } from "../pod/mod.ts";
import { guestMaker } from "./guest_maker.ts";
import { Progress } from "./progress.ts";

/** The tools, and the busybox that the built-in root file system is made from. */
export interface CommandTools extends PodTools {
  busybox(): Promise<string>;
}

/** What a command works on pods with. The guest is built when it is asked for and is not there yet. */
export function makePodTools(paths: Paths): CommandTools {
  let progress: Progress | undefined;
  const make = guestMaker(paths, (step) => (progress ??= new Progress()).show(step));
  const guest = async (kernel?: string) => {
    try {
      return await make(kernel);
    } finally {
      progress?.[Symbol.dispose]();
      progress = undefined;
    }
  };
  return {
    store: new PodStore(paths.state),
    hypervisor: new HypervisorByKind(new Qemu({ boot: guest })),
    busybox: async () => (await guest()).busybox,
  };
}

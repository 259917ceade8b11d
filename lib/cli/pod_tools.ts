import { join } from "@std/path";
import type { Paths } from "../config/mod.ts";
import { HypervisorByKind, Qemu, TemplateStore } from "../hypervisor/mod.ts";
import type { PodTools } from "../pod/mod.ts";
// Past its room's face, which brings the making of VMs along: what is here is also for those that are there.
import { PodStore } from "../pod/store.ts";
import type { GuestMaker } from "./guest_maker.ts";
import { Progress } from "./progress.ts";

/** The tools, and the busybox that the built-in root file system is made from. */
export interface CommandTools extends PodTools {
  busybox(): Promise<string>;
  templates: TemplateStore;
}

/** Where templates are kept. */
export function templateStore(paths: Paths): TemplateStore {
  return new TemplateStore(join(paths.cache, "templates"));
}

/** Where the pods are that are to become templates. */
export function buildStore(paths: Paths): PodStore {
  return new PodStore(join(paths.state, "templates"));
}

/** Starts VMs of every kind. @param boot gives out what they boot */
export function makeHypervisor(paths: Paths, boot: GuestMaker): HypervisorByKind {
  return new HypervisorByKind(new Qemu({ boot, templates: templateStore(paths) }));
}

/** What a command works on pods with. The guest is built when it is asked for and is not there yet. */
export function makePodTools(paths: Paths): CommandTools {
  let progress: Progress | undefined;
  let maker: Promise<GuestMaker> | undefined;
  const load = async () => {
    const { guestMaker } = await import("./guest_maker.ts");
    return guestMaker(paths, (step) => (progress ??= new Progress()).show(step));
  };
  const guest = async (kernel?: string) => {
    try {
      return await (await (maker ??= load()))(kernel);
    } finally {
      progress?.[Symbol.dispose]();
      progress = undefined;
    }
  };
  return {
    store: new PodStore(paths.state),
    hypervisor: makeHypervisor(paths, guest),
    templates: templateStore(paths),
    busybox: async () => (await guest()).busybox,
  };
}

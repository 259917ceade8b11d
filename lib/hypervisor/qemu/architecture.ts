import type { AcceleratorKind } from "../accelerator.ts";

/** What differs between the architectures that QEMU runs. */
export interface QemuArchitecture {
  /** Program name. */
  binary: string;
  machine: string;
  cpu: Readonly<Record<AcceleratorKind, string>>;
  /** Kernel command line. */
  commandLine: readonly string[];
}

/** By the names that `Deno.build.arch` has. */
export const QEMU_ARCHITECTURES: Readonly<Record<string, QemuArchitecture>> = {
  x86_64: {
    binary: "qemu-system-x86_64",
    machine: "q35",
    cpu: { kvm: "host", tcg: "max,-la57,-smap,-smep,-pku,-umip" },
    commandLine: ["console=ttyS0", "quiet", "panic=-1"],
  },
};

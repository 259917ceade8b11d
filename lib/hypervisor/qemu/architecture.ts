import type { AcceleratorKind } from "../accelerator.ts";

/** What differs between the architectures that QEMU runs. */
export interface QemuArchitecture {
  /** Program name. */
  binary: string;
  machine: string;
  cpu: Readonly<Record<AcceleratorKind, string>>;
  /** Kernel command line, for every VM. */
  commandLine: readonly string[];
  /** More of it under each accelerator. */
  acceleratorCommandLine: Readonly<Record<AcceleratorKind, readonly string[]>>;
  /** More of it for an emulated processor that is the only one. */
  singleEmulatedCommandLine: readonly string[];
}

/** By the names that `Deno.build.arch` has. */
export const QEMU_ARCHITECTURES: Readonly<Record<string, QemuArchitecture>> = {
  x86_64: {
    binary: "qemu-system-x86_64",
    machine: "q35",
    cpu: {
      kvm: "host",
      // AVX2 and the like make the agent's start a quarter faster than the default model does. What is taken away would
      // have the kernel patch thousands of places in itself, each of which is then translated anew. With erms or fsrm it
      // would clear and copy pages by the byte, and TCG runs such an instruction a round at a time: eight times as many.
      tcg: "max,-la57,-smap,-smep,-pku,-umip,-erms,-fsrm",
    },
    commandLine: [
      "console=ttyS0",
      "quiet",
      // A guest that panics ends: QEMU is told not to reboot.
      "panic=-1",
      // The crypto layer's self-tests take a quarter of a second under TCG.
      "cryptomgr.notests",
      // Bounce buffers for memory above 4 GiB, which may be added: 64 MiB, and a tenth of the boot, that no virtio
      // device needs.
      "swiotlb=noforce",
      // Their only use is to make lists of the kernel's tracer prettier; they are an eighth of the boot's instructions.
      "initcall_blacklist=ftrace_check_for_weak_functions,trace_eval_init",
    ],
    acceleratorCommandLine: {
      kvm: [],
      tcg: [
        // Patches out what protects from a processor's speculation: the emulated one does not speculate.
        "mitigations=off",
        // Keeps 9,000 lock prefixes, which cost nothing here, instead of patching them out one by one.
        "noreplace-smp",
        // Spares splitting the kernel's large pages and walking all of them: a tenth of a second.
        "rodata=off",
        // Security modules that guard one user of a machine from another have nobody to guard in this one, and are asked
        // at each step that starts a program.
        "lsm=landlock,yama",
        // Complains of a processor that seems to hang: an emulated one is slow, and after a restore all timers are due.
        "nowatchdog",
      ],
    },
    // The HPET does as well, and needs no calibration, which waits a tenth of a second.
    singleEmulatedCommandLine: ["noapictimer"],
  },
};

/**
 * The guest kernel's command line.
 *
 * @throws {Error} on an architecture that is not in the table
 */
export function kernelCommandLine(
  arch: string,
  accelerator: AcceleratorKind,
  vcpus: number,
): string {
  const { commandLine, acceleratorCommandLine, singleEmulatedCommandLine } = findArchitecture(arch);
  return [
    ...commandLine,
    ...acceleratorCommandLine[accelerator],
    ...accelerator === "tcg" && vcpus === 1 ? singleEmulatedCommandLine : [],
  ].join(" ");
}

/** The table's row. @throws {Error} when there is none */
export function findArchitecture(arch: string): QemuArchitecture {
  const architecture = QEMU_ARCHITECTURES[arch];
  if (!architecture) throw new Error(`Cannot run VMs on ${arch}: no settings for it`);
  return architecture;
}

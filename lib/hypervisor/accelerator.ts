/** What runs the guest's instructions: the processor, or an interpreter that translates them. */
export type AcceleratorKind = "kvm" | "tcg";

/** The accelerator to use on this host, and why. */
export interface Accelerator {
  kind: AcceleratorKind;
  /** For the operator: the fact that decided. */
  reason: string;
}

/** Where the facts are read. Default: this host. */
export interface AcceleratorFacts {
  arch: string;
  cpuinfo: string;
  /** Opens the KVM device; throws when it cannot be. */
  openKvm: () => void;
}

/**
 * Chooses KVM where it truly works. A device alone proves nothing: where the processor's flags show no virtualisation,
 * as on a host that is itself a paravirtual guest, KVM can be opened and ordinary guests hang in it.
 */
export function detectAccelerator(facts: AcceleratorFacts = hostFacts()): Accelerator {
  const flag = /^flags\s*:.*\b(vmx|svm)\b/m.exec(facts.cpuinfo)?.[1];
  if (facts.arch === "x86_64" && flag === undefined) {
    return { kind: "tcg", reason: "the processor shows neither vmx nor svm" };
  }
  try {
    facts.openKvm();
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "is not there"
      : error instanceof Deno.errors.PermissionDenied ||
          (error instanceof Error && error.name === "NotCapable")
      ? "may not be opened"
      : "cannot be opened";
    return { kind: "tcg", reason: `/dev/kvm ${why}` };
  }
  return {
    kind: "kvm",
    reason: flag ? `/dev/kvm works, the processor has ${flag}` : "/dev/kvm works",
  };
}

function hostFacts(): AcceleratorFacts {
  return {
    arch: Deno.build.arch,
    cpuinfo: Deno.readTextFileSync("/proc/cpuinfo"),
    openKvm: () => Deno.openSync("/dev/kvm", { read: true, write: true }).close(),
  };
}

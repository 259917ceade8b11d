import type { Hypervisor, HypervisorKind, RunningVm, Vm, VmLaunch } from "./hypervisor.ts";
import { MockHypervisor } from "./mock/mock.ts";

/** Starts each VM with the program that it asks for. */
export class HypervisorByKind implements Hypervisor {
  readonly #qemu: Hypervisor;
  readonly #mock = new MockHypervisor();

  /** @param qemu for VMs that ask for nothing else */
  constructor(qemu: Hypervisor) {
    this.#qemu = qemu;
  }

  launch(launch: VmLaunch): Promise<Vm> {
    return this.#of(launch.kind).launch(launch);
  }

  attach(running: RunningVm): Vm {
    return this.#of(running.kind).attach(running);
  }

  #of(kind: HypervisorKind = "qemu"): Hypervisor {
    return kind === "mock" ? this.#mock : this.#qemu;
  }
}

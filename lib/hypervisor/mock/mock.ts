import { join } from "@std/path";
import { collectChild, identifyProcess, pipe, spawn } from "../../sys/mod.ts";
import {
  type Hypervisor,
  type RunningVm,
  USER_CARD,
  type Vm,
  type VmLaunch,
  type VmNetwork,
} from "../hypervisor.ts";
import { MockVm } from "./mock_vm.ts";
import { writeHardware } from "./hardware.ts";
import { MOCK_PROCESS } from "../process_names.ts";

/** Waits for good, without a child and without using the processor: for itself to write to its own pipe. */
const WAIT = "read -r _ <&3";

/**
 * Runs VMs that have no machine: a process that waits, with the mounts of a real one. What speaks on its sockets, if
 * anything, is put there by who uses it. For pods without VMs, and for tests of all that is around one.
 */
export class MockHypervisor implements Hypervisor {
  launch(launch: VmLaunch): Promise<Vm> {
    const { directory, mounts, dieWithParent, vcpus, memoryMiB } = launch;
    const cards = cardIds(launch.network);
    writeHardware(directory, { vcpus, memoryMiB, disks: [], cards });
    const { read, write } = pipe();
    using _read = read, _write = write;
    const pid = spawn({
      command: ["/bin/sh", "-c", WAIT, MOCK_PROCESS, join(directory, "mock.json")],
      descriptors: [null, null, null, read.number, write.number],
      detached: true,
      dieWithParent,
      ownMounts: mounts,
    });
    const process = identifyProcess(pid);
    if (process) {
      return Promise.resolve(this.attach({ process, accelerator: "tcg", directory }));
    }
    collectChild(pid);
    return Promise.reject(new Error("Cannot start the VM: its process ended at once"));
  }

  attach(running: RunningVm): Vm {
    return new MockVm(running);
  }
}

function cardIds(network: VmNetwork | undefined): string[] {
  const taps = network?.cards.map(({ id }) => id) ?? [];
  return network?.user ? [...taps, USER_CARD] : taps;
}

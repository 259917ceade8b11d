/** The reference for a restored start: QEMU alone, with a pod's own command line, until the VM runs. */
import { join } from "@std/path";
import { TemplateStore } from "../../lib/hypervisor/mod.ts";
import { restoreState } from "../../lib/hypervisor/qemu/templates/mod.ts";
import { collectChild, signalProcess, SIGNALS, spawn } from "../../lib/sys/mod.ts";
import { type Place, podProcesses, processorTime } from "./podvisor.ts";

/** The descriptors that a restored VM's command line names: memory and state. */
const FIRST = 3;

/** Times of one restore, in milliseconds: on the clock, and of QEMU's processor use. */
export interface PlainRestore {
  wall: number;
  processor: number;
}

/** Restores the VM of the one pod in a place once more, without a pod around it. */
export class PlainRestorer {
  readonly #command: readonly string[];
  readonly #key: string;
  readonly #directory: string;
  readonly #store: TemplateStore;

  private constructor(command: readonly string[], key: string, directory: string, cache: string) {
    this.#command = command;
    this.#key = key;
    this.#directory = directory;
    this.#store = new TemplateStore(join(cache, "templates"));
  }

  /** @param pod name of the pod, which was restored */
  static make(place: Place, pod: string): PlainRestorer {
    const own = join(place.state, "pods", pod);
    const record = JSON.parse(Deno.readTextFileSync(join(own, "pod.json")));
    const line = Deno.readTextFileSync(`/proc/${podProcesses(place).qemu}/cmdline`);
    const directory = join(place.directory, "plain");
    Deno.mkdirSync(join(directory, "shared"), { recursive: true });
    const words = line.split("\0").slice(0, -1).map((word) => word.replaceAll(own, directory));
    return new PlainRestorer(words, record.vm.template, directory, place.cache);
  }

  async restore(): Promise<PlainRestore> {
    using template = (await this.#store.open(this.#key))!;
    const start = performance.now();
    const pid = spawn({
      command: this.#command,
      env: {},
      descriptors: [null, null, null, template.ram.number, template.state.number],
      dieWithParent: true,
    });
    try {
      await restoreState(await this.#monitor(), FIRST + 1);
      return { wall: performance.now() - start, processor: processorTime(pid) };
    } finally {
      signalProcess(pid, SIGNALS.KILL!);
      while (!collectChild(pid)) await new Promise((resolve) => setTimeout(resolve, 1));
      await Deno.remove(join(this.#directory, "qmp.sock"));
    }
  }

  async #monitor(): Promise<Deno.Conn> {
    for (;;) {
      try {
        const path = join(this.#directory, "qmp.sock");
        return await Deno.connect({ transport: "unix", path });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }
}

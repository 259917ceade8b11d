/**
 * Does one action of a pod's life, and kills itself as kill -9 does before one of its steps: its arguments are the state
 * directory, the stand-in for QEMU, the action, the number of the step, and the configuration as JSON. When the action
 * has fewer steps it ends well.
 */
import { type Agent, HyperstartAgent } from "../../../lib/agent/mod.ts";
import type { Hypervisor, RunningVm, Vm, VmLaunch } from "../../../lib/hypervisor/mod.ts";
import {
  type ContainerRecord,
  type PodDirectory,
  type PodRecord,
  PodStore,
} from "../../../lib/pod/mod.ts";
import { ProxyClient, ShimCommand } from "../../../lib/proxy/mod.ts";
import { signalProcess, SIGNALS } from "../../../lib/sys/mod.ts";
import { type ActionName, ACTIONS, fakeHypervisor } from "./life.ts";

const [root, program, action, last, life] = Deno.args as [
  string,
  string,
  ActionName,
  string,
  string,
];

let count = 0;

/** One step; the `last`th is never done. */
function step(): void {
  if (++count === Number(last)) signalProcess(Deno.pid, SIGNALS.KILL!);
}

class SteppedStore extends PodStore {
  override async add(id: string): Promise<PodDirectory> {
    step();
    return await super.add(id);
  }

  override async writePod(record: PodRecord): Promise<void> {
    step();
    await super.writePod(record);
  }

  override async writeContainer(record: ContainerRecord): Promise<void> {
    step();
    await super.writeContainer(record);
  }

  override async removeContainer(pod: string, id: string): Promise<void> {
    step();
    await super.removeContainer(pod, id);
  }

  override async remove(id: string): Promise<void> {
    step();
    await super.remove(id);
  }
}

class SteppedHypervisor implements Hypervisor {
  readonly #qemu = fakeHypervisor(program);

  async launch(launch: VmLaunch): Promise<Vm> {
    step();
    const vm = await this.#qemu.launch(launch);
    step();
    return vm;
  }

  attach(running: RunningVm): Vm {
    return this.#qemu.attach(running);
  }
}

/** Each command to the guest is a step before and one after. */
const COMMANDS = [
  "startPod",
  "stopPod",
  "reserveStreams",
  "startContainer",
  "exec",
  "killContainer",
  "removeContainer",
] as const satisfies readonly (keyof Agent)[];

for (const name of COMMANDS) {
  const original = HyperstartAgent.prototype[name] as (...args: unknown[]) => Promise<unknown>;
  const stepped = async function (this: HyperstartAgent, ...args: unknown[]): Promise<unknown> {
    step();
    const result = await original.apply(this, args);
    step();
    return result;
  };
  Object.assign(HyperstartAgent.prototype, { [name]: stepped });
}

/** So is each word to the proxy about a shim. */
const hyper = ProxyClient.prototype.hyper;
ProxyClient.prototype.hyper = async function (name, ...rest): Promise<Uint8Array> {
  const isStep = Object.values<string>(ShimCommand).includes(name);
  if (isStep) step();
  const result = await hyper.call(this, name, ...rest);
  if (isStep) step();
  return result;
};

const tools = { store: new SteppedStore(root), hypervisor: new SteppedHypervisor() };
await ACTIONS[action](tools, JSON.parse(life));
Deno.exit(0);

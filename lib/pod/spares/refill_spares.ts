import type { Vm } from "../../hypervisor/mod.ts";
import { getLogger } from "../../log.ts";
import { pause, selfCommand, spawn } from "../../sys/mod.ts";
import type { PodConfig } from "../records.ts";
import { shapeOptions } from "../templates/shape_options.ts";

/** How long a command runs before the spare that it may have taken is made up for, in milliseconds. */
const REFILL_DELAY = 1000;

/**
 * Has a spare made in the background, where pods like this one are to find some waiting. The command that does it goes
 * on when this one ends.
 *
 * @param root state directory
 * @param vm of the pod, as it was started
 */
export function refillSpares(root: string, pod: PodConfig, { template }: Vm): void {
  // Without a template there is nothing to restore yet.
  if (!pod.spares || !template?.restored) return;
  const { key } = template.details;
  const command = selfCommand([
    ...["--root", root, "spare", "keep", "--key", key],
    ...["--count", String(pod.spares.count), "--time", String(pod.spares.seconds)],
    ...shapeOptions(pod, template.details),
  ]);
  try {
    spawn({ command, detached: true });
  } catch (error) {
    // The pod is none the worse for it.
    getLogger("spares").warn("spare cannot be made", { key, error });
  }
}

/** Has the spare made up for that a pod has taken: when the command is over, or when it has run for a while. */
export class Refill implements Disposable {
  readonly #root: string;
  readonly #pod: PodConfig;
  #vm: Vm | undefined;

  constructor(root: string, pod: PodConfig) {
    this.#root = root;
    this.#pod = pod;
  }

  /** @param vm of the pod, which is up */
  plan(vm: Vm): void {
    this.#vm = vm;
    if (this.#pod.spares) pause(REFILL_DELAY).then(() => this[Symbol.dispose]());
  }

  [Symbol.dispose](): void {
    if (this.#vm) refillSpares(this.#root, this.#pod, this.#vm);
    this.#vm = undefined;
  }
}

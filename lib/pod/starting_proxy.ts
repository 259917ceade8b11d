import { getLogger } from "../log.ts";
import { endProcess } from "../sys/mod.ts";
import { trace } from "../trace.ts";
import { type PodProxy, startPodProxy } from "./kinds.ts";
import type { ProxyRecord, VmRecord } from "./records.ts";
import { type TakenSpare, takeSpare } from "./spares/spare_store.ts";
import type { PodDirectory } from "./store.ts";

/**
 * The proxy of a pod that starts: one of its own, or that of the spare whose VM the pod gets. Disposing ends it,
 * after which it can be started anew.
 */
export class StartingProxy implements AsyncDisposable {
  readonly #directory: PodDirectory;
  readonly #start: () => ProxyRecord;
  #record: ProxyRecord | undefined;
  #spare: TakenSpare | undefined;

  /** @param dieWithParent whether it ends with this command */
  constructor(kind: PodProxy, directory: PodDirectory, dieWithParent: boolean) {
    this.#directory = directory;
    this.#start = () => startPodProxy(kind, directory, dieWithParent);
  }

  /** The spare that the pod has got. */
  get spare(): TakenSpare | undefined {
    return this.#spare;
  }

  /** Starts it, unless there is one. */
  start(): ProxyRecord {
    if (this.#record) return this.#record;
    using _span = trace("start the proxy");
    const { process, url } = this.#record = this.#start();
    if (process) {
      const log = getLogger("pod", { pod: this.#directory.id });
      log.info("proxy started", { "proxy-pid": process.pid, url });
    }
    return this.#record;
  }

  /**
   * Takes a spare with its proxy, if one waits; else it is started.
   *
   * @param key of the template that the spare was restored from
   */
  async takeSpare(key: string): Promise<VmRecord | undefined> {
    this.#spare = await takeSpare(this.#directory, key);
    if (this.#spare) this.#record = this.#spare.proxy;
    else this.start();
    return this.#spare?.vm;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const process = this.#record?.process ?? null;
    this.#record = this.#spare = undefined;
    await endProcess(process);
  }
}

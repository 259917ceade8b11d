import { Failure } from "../failure.ts";
import { SIGNALS } from "../sys/mod.ts";

/** The signals by which people and supervisors ask a program to end. */
const RELAYED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Two interrupts within this time tear the pod down, in milliseconds. */
const TWICE = 1000;

type Send = (signal: number) => Promise<void>;

/**
 * Hands signals on to the command once it runs. Before that a signal ends the start, and a second interrupt soon after
 * the first ends the pod in any case.
 */
export class SignalRelay implements Disposable {
  readonly #abort = new AbortController();
  readonly #listeners = RELAYED.map((name) => ({ name, listener: () => this.#receive(name) }));
  #send: Send | undefined;
  #lastInterrupt = -Infinity;

  constructor() {
    for (const { name, listener } of this.#listeners) Deno.addSignalListener(name, listener);
  }

  /** Aborts when the pod is to end. */
  get abort(): AbortSignal {
    return this.#abort.signal;
  }

  /** From now on signals go to the command. */
  sendTo(send: Send): void {
    this.#send = send;
  }

  #receive(name: (typeof RELAYED)[number]): void {
    const number = SIGNALS[name.slice("SIG".length)]!;
    const now = performance.now();
    const again = name === "SIGINT" && now - this.#lastInterrupt < TWICE;
    if (name === "SIGINT") this.#lastInterrupt = now;
    if (this.#send && !again) {
      // A command that has just ended takes no signal; its end is told elsewhere.
      this.#send(number).catch(() => {});
      return;
    }
    this.#abort.abort(new Failure(`ended by ${name}`, { exitCode: 128 + number }));
  }

  [Symbol.dispose](): void {
    for (const { name, listener } of this.#listeners) Deno.removeSignalListener(name, listener);
  }
}

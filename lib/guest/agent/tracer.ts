import type { GuestTrace, TraceCommand } from "../../hyperstart/mod.ts";
import { CLOCK_BOOTTIME, clockTime } from "../../sys/mod.ts";
import { traceClock, type TraceSpan, Tracing } from "../../trace.ts";

/** When the agent did what it does only once, in milliseconds since 1970. */
export interface AgentTimes {
  /** Its own code began to run. */
  began: number;
  /** It could serve a host. */
  ready: number;
}

/** Records where the guest's time goes, while the host asks for it. */
export class GuestTracer {
  readonly #times: AgentTimes | undefined;
  #tracing: Tracing | undefined;

  constructor(times?: AgentTimes) {
    this.#times = times;
  }

  /** Gives out what was recorded since the last time, and what is known of the boot, and goes on or stops. */
  answer({ record }: TraceCommand): GuestTrace {
    const asked = traceClock();
    const spans = this.#tracing ? [...this.#boot(), ...this.#tracing.spans] : [];
    this.#tracing?.[Symbol.dispose]();
    this.#tracing = record ? new Tracing("guest") : undefined;
    return {
      asked,
      clock: traceClock(),
      spans: spans.map(({ name, start, end }) => ({ name, start, end })),
    };
  }

  /** Not at a recording's begin: that would cost the start which is to be seen. */
  #boot(): TraceSpan[] {
    return this.#times ? bootSpans(this.#times) : [];
  }
}

/** Made out now from what is to be seen of it, since nobody had asked then. */
function bootSpans({ began, ready }: AgentTimes): TraceSpan[] {
  const booted = traceClock() - Number(clockTime(CLOCK_BOOTTIME) / 1000n);
  // The last thing that the first program mounts; nothing is ever made in there.
  const entered = Math.round((Deno.statSync("/tmp").mtime?.getTime() ?? began) * 1000);
  const times = [booted, entered, began * 1000, ready * 1000];
  return ["kernel, modules", "start of the runtime", "start of the agent"]
    .map((name, at) => ({ part: "guest", name, start: times[at]!, end: times[at + 1]! }));
}

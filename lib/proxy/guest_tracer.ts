import {
  type GuestSpan,
  parseGuestTrace,
  TRACE_CODE,
  type TraceCommand,
} from "../hyperstart/mod.ts";
import { traceClock, type TraceSpan } from "../trace.ts";
import type { GuestControl } from "./guest_control.ts";

/**
 * Reads a guest's trace and puts it on the host's clock. How far the two clocks are apart is known from the guest's
 * answers, to half of the time that the quickest of them was under way.
 */
export class GuestTracer {
  #offset = 0;
  #shortest = Infinity;

  /**
   * Takes what the guest has recorded.
   *
   * @param record whether it is to go on
   * @throws {Error} when it does not answer, or nonsense
   */
  async take(control: Pick<GuestControl, "request">, record: boolean): Promise<TraceSpan[]> {
    const spans = await this.#ask(control, record);
    // A second answer comes more quickly: what makes it has just run. It is not asked for where it would be in the trace.
    if (!record) await this.#ask(control, record);
    const onHost = (time: number) => time + this.#offset;
    return spans.map(({ name, start, end }) => (
      { part: "guest", name, start: onHost(start), end: onHost(end) }
    ));
  }

  async #ask(control: Pick<GuestControl, "request">, record: boolean): Promise<GuestSpan[]> {
    const command: TraceCommand = { record };
    const payload = new TextEncoder().encode(JSON.stringify(command));
    const sent = traceClock();
    const reply = await control.request(TRACE_CODE, payload);
    const received = traceClock();
    const { asked, clock, spans } = parseGuestTrace(reply);
    const underWay = received - sent - (clock - asked);
    if (underWay <= this.#shortest) {
      this.#shortest = underWay;
      this.#offset = Math.round((sent + received - asked - clock) / 2);
    }
    return spans;
  }
}

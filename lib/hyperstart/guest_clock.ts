import { Fields } from "./fields.ts";

/**
 * `clock`: a STARTPOD with entropy is answered with what the guest's clock said (`ClockReading`), and so is code 69
 * (`MoveClock`), which sets the clock forward or back. The host learns from both how far it is off, however slow the messages were.
 */
export const FEATURE_CLOCK = "clock";

/** Code of a move of the clock. */
export const MOVE_CLOCK_CODE = 69;

/** What a guest's clock said, in microseconds since 1970, before it carried a command out and when it answered. */
export interface ClockReading {
  asked: number;
  clock: number;
}

/** A move of the guest's clock, in microseconds. */
export interface MoveClock {
  offset: number;
}

/** The payload of a reading. */
export function encodeClockReading(reading: ClockReading): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(reading));
}

/** Reads a reading, which may claim anything. Throws `MessageError`. */
export function parseClockReading(payload: Uint8Array): ClockReading {
  const fields = Fields.parse(payload, "clock");
  return { asked: fields.integer("asked"), clock: fields.integer("clock") };
}

/** Reads a move of the clock. Throws `MessageError`. */
export function parseMoveClock(payload: Uint8Array): MoveClock {
  const fields = Fields.parse(payload, "moveclock");
  return { offset: fields.integer("offset", undefined, Number.MIN_SAFE_INTEGER) };
}

/**
 * Where time goes: named spans, recorded while somebody traces. Without that a span costs a call that does nothing, and
 * nothing but this small module is loaded.
 */

/** The parts of a pod that spans belong to. */
export const TRACE_PARTS = ["command", "shim", "proxy", "QEMU", "guest"] as const;
export type TracePart = typeof TRACE_PARTS[number];

/** A piece of work with its beginning and end, in whole microseconds of {@linkcode traceClock}. */
export interface TraceSpan {
  part: TracePart;
  name: string;
  start: number;
  end: number;
}

/** The most spans that are kept; later ones are dropped. */
export const MAX_TRACE_SPANS = 1024;
/** Longest name of a span, in characters. */
export const MAX_TRACE_NAME = 64;

/** Spans that follow each other: each ends when the next begins, the last one when this is disposed of. */
export interface TraceSteps extends Disposable {
  next(name: string): void;
}

const NOTHING: TraceSteps = { next() {}, [Symbol.dispose]() {} };

let ownPart: TracePart = "command";
let recorded: TraceSpan[] | undefined;
let traces = 0;

/** Microseconds since 1970, on a clock that processes of one machine share and that is not set while they run. */
export function traceClock(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

/** Whether spans are recorded. */
export function isTracing(): boolean {
  return recorded !== undefined;
}

/** Begins a span, which ends when it is disposed of: `using _span = trace("look for it")`. */
export function trace(name: string, part?: TracePart): Disposable {
  if (recorded === undefined) return NOTHING;
  const span = { part: part ?? ownPart, name, start: traceClock() };
  return { [Symbol.dispose]: () => addSpans([{ ...span, end: traceClock() }]) };
}

/** Begins the first of several spans: `using steps = traceSteps("look for it"); … steps.next("take it")`. */
export function traceSteps(first: string, part?: TracePart): TraceSteps {
  if (recorded === undefined) return NOTHING;
  let step = trace(first, part);
  return {
    next(name) {
      step[Symbol.dispose]();
      step = trace(name, part);
    },
    [Symbol.dispose]: () => step[Symbol.dispose](),
  };
}

/** Records spans that were measured elsewhere. */
export function addSpans(spans: readonly TraceSpan[]): void {
  recorded?.push(...spans.slice(0, MAX_TRACE_SPANS - recorded.length));
}

/** One trace of what this process does, until it is disposed of. Several may be under way; each gets all spans. */
export class Tracing implements Disposable {
  readonly #since: number;
  #over = false;

  /** @param since spans that ended before are not for this trace */
  constructor(part: TracePart, since = traceClock()) {
    this.#since = since;
    ownPart = part;
    recorded ??= [];
    traces++;
  }

  /** The spans so far that have ended. */
  get spans(): TraceSpan[] {
    return recorded?.filter(({ end }) => end >= this.#since) ?? [];
  }

  /** Whether it is the only one. */
  get isLast(): boolean {
    return traces === 1;
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    if (--traces === 0) recorded = undefined;
  }
}

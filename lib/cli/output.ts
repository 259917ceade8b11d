import { Failure, messageOf } from "../failure.ts";

const encoder = new TextEncoder();

/** Writes a command's result to stdout. */
export function print(text: string): void {
  writeSync(Deno.stdout, text);
}

/** Writes to stderr, where everything goes that is not a command's result. Nobody may be reading it any more. */
export function printError(text: string): void {
  try {
    writeSync(Deno.stderr, text);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

const NO_ROOM =
  "Make room there, or choose another place: --root DIR, PODVISOR_STATE, PODVISOR_CACHE";

/** Tells what ended the command: a line, and what to do about it. */
export function reportError(error: unknown): void {
  const description = describeError(error);
  printError(`podvisor: ${description}\n`);
  const hint = error instanceof Failure ? error.hint : hintFor(description);
  if (hint !== undefined) printError(`  ${hint}\n`);
}

/** Of an error of this host's kernel: a failure may tell of a disk that is full in a guest. */
function hintFor(description: string): string | undefined {
  return /no space left on device|disk quota exceeded/i.test(description) ? NO_ROOM : undefined;
}

/** The message, with those of its causes that it does not already tell, as one line. */
export function describeError(error: unknown): string {
  const message = oneLine(inOurWords(messageOf(error)));
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause === undefined) return message;
  const because = describeError(cause);
  if (message.includes(because)) return message;
  const told = oneLine(messageOf(cause));
  const isTold = told !== "" && message.includes(told);
  return isTold ? message.replace(told, () => because) : `${message}: ${because}`;
}

/** The runtime's own errors end with what it did and with what: "Is a directory (os error 21): open '/x'". */
function inOurWords(message: string): string {
  const [, why, did, operand] = /^([^:]+) \(os error \d+\): (\w+) '(.+)'$/s.exec(message) ?? [];
  return did === undefined ? message : `${did} ${operand}: ${why}`;
}

/** Control characters, perhaps a guest's, must not reach a terminal. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  return text.trimEnd().replace(/[\x00-\x1f\x7f-\x9f]+/g, " ");
}

function writeSync(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

import { writeSome } from "../../sys/mod.ts";

const STDERR = 2;
const LONGEST = 512;

/**
 * Writes a warning to the console. Each line costs milliseconds of a slow serial port, and much of what could be said
 * is the doing of others: only what nobody else will report belongs here.
 */
export function note(text: string): void {
  // deno-lint-ignore no-control-regex -- the console must not be steered by what others wrote
  const line = text.slice(0, LONGEST).replace(/[\x00-\x1f\x7f]/g, "?");
  writeSome(STDERR, new TextEncoder().encode(`podvisor guest: ${line}\n`));
}

/** Signal numbers (x86 and ARM, asm-generic/signal.h), without the realtime ones. */
export const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
};

const HIGHEST_SIGNAL = 64;
const ALIASES: Readonly<Record<string, string>> = { IOT: "ABRT", POLL: "IO", CLD: "CHLD" };

/**
 * The number of a signal given as a person writes it: `TERM`, `SIGTERM`, `sigterm` or `15`.
 *
 * @returns the number, or nothing when there is no such signal
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= HIGHEST_SIGNAL ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  return SIGNALS[ALIASES[name] ?? name];
}

/** The name of a signal, such as `SIGTERM`. */
export function signalName(number: number): string {
  const found = Object.entries(SIGNALS).find(([, value]) => value === number);
  return found ? `SIG${found[0]}` : `signal ${number}`;
}

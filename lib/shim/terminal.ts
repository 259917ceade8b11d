import { makeRaw } from "../sys/mod.ts";

const STDIN = 0;

/** The size of a terminal in characters. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

/**
 * This process's terminal while a process in the pod has it: in raw mode, its size and each change of it told. Disposing
 * of it, and the end of this process, put it back into its old mode. Where stdin is no terminal it does nothing.
 */
export class Terminal implements Disposable {
  readonly #resources = new DisposableStack();

  /**
   * @param raw whether keys go to the process: raw mode
   * @param tellSize called with the size at once and whenever it changes; its failure is nobody's concern
   */
  constructor(raw: boolean, tellSize: (size: TerminalSize) => Promise<void>) {
    const tell = () => {
      const size = terminalSize();
      if (size) tellSize(size).catch(() => {});
    };
    Deno.addSignalListener("SIGWINCH", tell);
    this.#resources.defer(() => Deno.removeSignalListener("SIGWINCH", tell));
    tell();
    if (raw && Deno.stdin.isTerminal()) this.#enterRawMode();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  #enterRawMode(): void {
    const mode = this.#resources.use(makeRaw(STDIN));
    const restore = () => mode[Symbol.dispose]();
    globalThis.addEventListener("unload", restore);
    this.#resources.defer(() => globalThis.removeEventListener("unload", restore));
  }
}

/** The size of this process's terminal; nothing where there is none, or one that does not know its size. */
export function terminalSize(): TerminalSize | undefined {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : undefined;
  } catch {
    return undefined;
  }
}

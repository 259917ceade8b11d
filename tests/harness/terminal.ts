/** A pseudo-terminal with a person at it: what programs print is awaited, and keys are typed. */
import { ChildProgram } from "../../lib/sys/child_program.ts";
import {
  collectChild,
  exitCode,
  type Fd,
  O_DIRECTORY,
  open,
  openTerminal,
  pause,
  readSome,
  setWindowSize,
  SYS,
  TIOCSCTTY,
  writeSome,
} from "../../lib/sys/mod.ts";
import { eventually } from "./podvisor.ts";

const DEVPTS = "/dev/pts";

/** A terminal for one program at a time. */
export class Terminal implements Disposable {
  readonly #master: Fd;
  readonly #slave: Fd;
  readonly #path: string;
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #decoder = new TextDecoder();
  #seen = "";

  constructor(rows: number, columns: number) {
    using devpts = open(DEVPTS, O_DIRECTORY);
    const { master, slave, name } = openTerminal(devpts.number);
    this.#master = master;
    this.#slave = slave;
    this.#path = `${DEVPTS}/${name}`;
    this.resize(rows, columns);
  }

  /** Starts a program whose streams and controlling terminal this is. @returns its pid */
  start(command: readonly string[], env: Record<string, string>): number {
    const program = new ChildProgram();
    const slave = this.#slave.number;
    program.call("setsid", "the child", SYS.setsid);
    program.call("ioctl", "TIOCSCTTY", SYS.ioctl, slave, TIOCSCTTY, 0);
    for (const number of [0, 1, 2]) program.call("dup3", "terminal", SYS.dup3, slave, number, 0);
    const all = { ...Deno.env.toObject(), ...env };
    program.exec(command[0]!, command, Object.entries(all).map((each) => each.join("=")));
    return program.start();
  }

  /** Waits for a program's end. @returns its exit code */
  async end(pid: number): Promise<number> {
    return await eventually(`end of process ${pid}`, () => {
      this.#read();
      const status = collectChild(pid);
      return status && { code: exitCode(status) };
    }).then(({ code }) => code);
  }

  /** Waits for output that matches, and takes what comes before it as read too. */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    const found = await eventually(`output like ${pattern}`, () => {
      this.#read();
      return pattern.exec(this.#seen) ?? undefined;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; there was ${JSON.stringify(this.#seen)}`);
    });
    this.#seen = this.#seen.slice(found.index + found[0].length);
    return found;
  }

  /** What has been printed and not been taken yet. */
  get rest(): string {
    this.#read();
    return this.#seen;
  }

  /** Types keys. */
  async type(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) {
      const count = writeSome(this.#master.number, bytes.slice(at));
      if (count > 0) at += count;
      else await pause(5);
    }
  }

  resize(rows: number, columns: number): void {
    setWindowSize(this.#master.number, rows, columns);
  }

  /** The terminal's mode as `stty -g` tells it. */
  async mode(): Promise<string> {
    const stty = new Deno.Command("stty", { args: ["-g", "-F", this.#path] });
    return new TextDecoder().decode((await stty.output()).stdout);
  }

  /** Takes the terminal away from whoever is on it. */
  [Symbol.dispose](): void {
    this.#slave.close();
    this.#master.close();
  }

  #read(): void {
    for (;;) {
      const count = readSome(this.#master.number, this.#buffer);
      if (count <= 0) return;
      this.#seen += this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
    }
  }
}

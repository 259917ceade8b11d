import {
  type ChildProgram,
  decodeStatus,
  type Fd,
  memoryFile,
  readEnd,
  SYS,
  SysError,
} from "../../sys/mod.ts";
import { type ContainerSpec, Refusal } from "./runtime.ts";

type Wanted = NonNullable<ContainerSpec["startHooks"]>;

/** How the error of a program names them. */
const CALL = "startContainer hook";
/** Bytes of what a hook that failed has written that an error quotes. */
const QUOTED = 400;
const NOT_RUN = 127;

/**
 * The programs that run in a container before its process is executed, as that process would: in its namespaces, with
 * its user and its filter (runtime-spec 1.1, config.md, "StartContainer Hooks"). The agent stands still until they end,
 * unless the container is held.
 */
export class StartHooks implements Disposable {
  readonly #wanted: Wanted;
  readonly #files = new DisposableStack();
  readonly #states: Fd[];
  readonly #output: Fd;
  #statuses: Int32Array[] = [];

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
    const state = new TextEncoder().encode(wanted.state);
    this.#states = wanted.hooks.map(() => this.#files.use(memoryFile("state", state)));
    this.#output = this.#files.use(memoryFile("output"));
  }

  /** What they need of this process, when they run later than it goes on. */
  get descriptors(): number[] {
    return [...this.#states, this.#output].map(({ number }) => number);
  }

  /** Adds them, in order. */
  write(program: ChildProgram): void {
    const output = this.#output.number;
    this.#statuses = this.#wanted.hooks.map(({ path, args, env, timeout }, at) =>
      program.runFirst(CALL, path, (hook) => {
        hook.call("dup3", "state", SYS.dup3, this.#states[at]!.number, 0, 0);
        for (const descriptor of [1, 2]) {
          hook.call("dup3", "output", SYS.dup3, output, descriptor, 0);
        }
        // It outlives the execution, and its signal ends a program by default.
        if (timeout > 0) hook.call("alarm", `${timeout} s`, SYS.alarm, timeout);
        hook.exec(path, args.length === 0 ? [path] : args, env);
      })
    );
  }

  /** What to tell of a start that has failed. */
  explain(error: unknown): unknown {
    if (!(error instanceof SysError) || error.call !== CALL) return error;
    const failed = this.#statuses.find((status) => status[0] !== 0)?.[0] ?? 0;
    const status = decodeStatus(failed);
    const how = status.kind === "signalled"
      ? `was ended by signal ${status.signal}`
      : status.code === NOT_RUN
      ? "could not be run"
      : `ended with status ${status.code}`;
    const text = new TextDecoder().decode(readEnd(this.#output, QUOTED)).trim();
    return new Refusal(
      `Cannot go on with the container: its startContainer hook ${error.operand} ${how}` +
        (text === "" ? "" : `: ${text}`),
    );
  }

  [Symbol.dispose](): void {
    this.#files.dispose();
  }
}

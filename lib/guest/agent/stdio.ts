import {
  changeOwner,
  duplicate,
  type Fd,
  openTerminal,
  pipe,
  setNonblocking,
  setWindowSize,
} from "../../sys/mod.ts";
import type { ProcessSpec } from "./runtime.ts";

/** The descriptors of a process to be started. */
export interface ChildStdio {
  /** For descriptors 0, 1 and 2; three times the same for a terminal. */
  descriptors: [number, number, number];
  /** Name of the terminal below /dev/pts; nothing without a terminal. */
  terminal: string | undefined;
}

/** Both sides of the standard streams of a process. */
export interface Stdio extends Disposable {
  child: ChildStdio;
  /** This side's ends, nonblocking. */
  input: Fd;
  output: Fd;
  errors: Fd | undefined;
  /** Closes the process's ends here, once it has them. */
  closeChild(): void;
}

/** Both ends of three pipes for a process, owned by nobody yet. */
export interface Pipes extends Disposable {
  input: Pipe;
  output: Pipe;
  errors: Pipe;
}

/** This side's ends are nonblocking. @throws {SysError} */
export function makePipes(): Pipes {
  using stack = new DisposableStack();
  const [input, output, errors] = [0, 1, 2].map(() => {
    const { read, write } = pipe();
    stack.use(read);
    stack.use(write);
    return { read, write };
  }) as [Pipe, Pipe, Pipe];
  for (const end of [input.write, output.read, errors.read]) setNonblocking(end.number);
  const all = stack.move();
  return { input, output, errors, [Symbol.dispose]: () => all.dispose() };
}

/**
 * Pipes or a pseudo-terminal for a process, owned by its user so that it may open /dev/stdout and its like.
 *
 * @param devpts root directory of the container's devpts
 * @param pipes that have been made for it
 * @throws {SysError}
 */
export function openStdio(
  process: ProcessSpec,
  uid: number,
  devpts: number,
  pipes?: Pipes,
): Stdio {
  return process.terminal
    ? openOnTerminal(process, uid, devpts)
    : openPipes(uid, pipes ?? makePipes());
}

function openOnTerminal({ rows, columns }: ProcessSpec, uid: number, devpts: number): Stdio {
  const { master, slave, name } = openTerminal(devpts);
  const close = () => {
    slave.close();
    master.close();
    input?.close();
  };
  let input: Fd | undefined;
  try {
    changeOwner(slave.number, uid, -1);
    // A descriptor of its own for each direction: one descriptor cannot be waited for twice.
    input = duplicate(master);
    if (rows > 0 && columns > 0) setWindowSize(master.number, rows, columns);
  } catch (error) {
    close();
    throw error;
  }
  const { number } = slave;
  return {
    child: { descriptors: [number, number, number], terminal: name },
    input,
    output: master,
    errors: undefined,
    closeChild: () => slave.close(),
    [Symbol.dispose]: close,
  };
}

function openPipes(uid: number, pipes: Pipes): Stdio {
  using undo = new DisposableStack();
  undo.use(pipes);
  const { input, output, errors } = pipes;
  const ends = [input.read, output.write, errors.write] as const;
  if (uid !== 0) { for (const end of ends) changeOwner(end.number, uid, -1); }
  undo.move();
  return {
    child: {
      descriptors: [ends[0].number, ends[1].number, ends[2].number],
      terminal: undefined,
    },
    input: input.write,
    output: output.read,
    errors: errors.read,
    closeChild: () => ends.forEach((end) => end.close()),
    [Symbol.dispose]: () => pipes[Symbol.dispose](),
  };
}

type Pipe = ReturnType<typeof pipe>;

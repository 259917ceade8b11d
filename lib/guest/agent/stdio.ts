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

/**
 * Pipes or a pseudo-terminal for a process, owned by its user so that it may open /dev/stdout and its like.
 *
 * @param devpts root directory of the container's devpts
 * @throws {SysError}
 */
export function openStdio(process: ProcessSpec, uid: number, devpts: number): Stdio {
  return process.terminal ? openOnTerminal(process, uid, devpts) : openPipes(uid);
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

function openPipes(uid: number): Stdio {
  using stack = new DisposableStack();
  const [input, output, errors] = [0, 1, 2].map(() => {
    const { read, write } = pipe();
    stack.use(read);
    stack.use(write);
    return { read, write };
  }) as [Pipe, Pipe, Pipe];
  for (const end of [input.write, output.read, errors.read]) setNonblocking(end.number);
  const ends = [input.read, output.write, errors.write] as const;
  if (uid !== 0) { for (const end of ends) changeOwner(end.number, uid, -1); }
  const all = stack.move();
  return {
    child: {
      descriptors: [ends[0].number, ends[1].number, ends[2].number],
      terminal: undefined,
    },
    input: input.write,
    output: output.read,
    errors: errors.read,
    closeChild: () => ends.forEach((end) => end.close()),
    [Symbol.dispose]: () => all.dispose(),
  };
}

type Pipe = ReturnType<typeof pipe>;

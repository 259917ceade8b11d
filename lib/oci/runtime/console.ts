import type { Command } from "../../agent/mod.ts";
import { Failure, messageOf } from "../../failure.ts";
import {
  connectUnix,
  type Fd,
  O_DIRECTORY,
  O_PATH,
  open,
  openTerminal,
  sendDescriptor,
  setWindowSize,
} from "../../sys/mod.ts";

/** Where a process's streams are: an engine's own descriptors, or a terminal of which the engine gets the other end. */
export interface Stdio extends Disposable {
  descriptors: readonly [number, number, number];
  /** They are a terminal that is the process's alone. */
  ownTerminal: boolean;
  /** Hands the terminal over, if there is one. */
  handOver(): void;
}

/** This command's own streams, which it goes on to have too. */
export function sharedStdio(): Stdio {
  return {
    descriptors: [0, 1, 2],
    ownTerminal: false,
    handOver: () => {},
    [Symbol.dispose]: () => {},
  };
}

/**
 * The streams of a process that is about to be started: this command's own, or a new terminal's.
 *
 * @param consoleSocket path of the socket on which the engine takes the terminal's master
 * @throws {Failure} when there is a terminal and no socket for it, or a socket and no terminal
 */
export function openStdio(command: Command, consoleSocket: string | undefined): Stdio {
  if (!command.terminal) {
    if (consoleSocket !== undefined) {
      throw new Failure("Cannot use the console socket: the process has no terminal");
    }
    return sharedStdio();
  }
  if (consoleSocket === undefined) {
    throw new Failure("Cannot give the process a terminal: --console-socket is missing");
  }
  return openConsole(command, consoleSocket);
}

function openConsole({ size }: Command, path: string): Stdio {
  using resources = new DisposableStack();
  const devpts = resources.use(open("/dev/pts", O_PATH | O_DIRECTORY));
  const { master, slave, name } = openTerminal(devpts.number);
  resources.use(master);
  resources.use(slave);
  if (size) setWindowSize(master.number, size.rows, size.columns);
  const kept = resources.move();
  return {
    descriptors: [slave.number, slave.number, slave.number],
    ownTerminal: true,
    handOver: () => send(path, master, `/dev/pts/${name}`),
    [Symbol.dispose]: () => kept.dispose(),
  };
}

function send(path: string, master: Fd, name: string): void {
  try {
    using socket = connectUnix(path);
    sendDescriptor(socket, master, name);
  } catch (cause) {
    throw new Failure(`Cannot hand the terminal over on ${path}: ${messageOf(cause)}`, { cause });
  }
}

import { Fd, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";

/** Requests of ioctl(2) on terminals (asm-generic/ioctls.h). */
const TIOCSWINSZ = 0x5414, TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441, TIOCGPTN = 0x80045430;
const TCGETS = 0x5401, TCSETSW = 0x5403;
/** Bytes of the kernel's struct termios: four u32 of flags, the line discipline, 19 control characters. */
const TERMIOS_SIZE = 36;
/** Flags that raw mode clears, and those it sets (termios(3), cfmakeraw). */
const INPUT_COOKED = 0o2753, OUTPUT_COOKED = 0o1, LOCAL_COOKED = 0o100113;
const CONTROL_COOKED = 0o460, CONTROL_RAW = 0o60;
/** Makes a terminal the controlling one of the calling session: for programs of a child. */
export const TIOCSCTTY = 0x540e;

/** Both ends of a pseudo-terminal. */
export interface PseudoTerminal {
  /** The end that reads what programs print; nonblocking. */
  master: Fd;
  /** The end that programs get. */
  slave: Fd;
  /** Its name below the file system: `0`, `1`, … */
  name: string;
}

/**
 * Makes a pseudo-terminal in an instance of devpts. No path is looked up but `ptmx` in the root of the instance, so it
 * is safe with instances that others can see.
 *
 * @param devpts descriptor of the instance's root directory
 * @throws {SysError}
 */
export function openTerminal(devpts: number): PseudoTerminal {
  const flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  const master = new Fd(
    syscall("open", "ptmx", SYS.openat, devpts, cString("ptmx"), flags | O_NONBLOCK, 0),
  );
  try {
    const number = new Int32Array(1);
    const memory = new Uint8Array(number.buffer);
    syscall("ioctl", "TIOCSPTLCK", SYS.ioctl, master.number, TIOCSPTLCK, memory);
    syscall("ioctl", "TIOCGPTN", SYS.ioctl, master.number, TIOCGPTN, memory);
    const slave = new Fd(
      syscall("ioctl", "TIOCGPTPEER", SYS.ioctl, master.number, TIOCGPTPEER, flags),
    );
    return { master, slave, name: String(number[0]) };
  } catch (error) {
    master.close();
    throw error;
  }
}

/** Sets the window size of a terminal; the programs on it get SIGWINCH when it changes. @throws {SysError} */
export function setWindowSize(terminal: number, rows: number, columns: number): void {
  // struct winsize: u16 rows, columns, and two that nobody uses.
  const size = new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer);
  syscall("ioctl", "TIOCSWINSZ", SYS.ioctl, terminal, TIOCSWINSZ, size);
}

/**
 * Puts a terminal into raw mode: every byte passes unchanged in both directions, no key is a signal.
 *
 * @returns what puts it back into the mode that it was in; it may be disposed of more than once
 * @throws {SysError} ENOTTY when the descriptor is no terminal
 */
export function makeRaw(terminal: number): Disposable {
  const before = new Uint8Array(TERMIOS_SIZE);
  syscall("ioctl", "TCGETS", SYS.ioctl, terminal, TCGETS, before);
  const raw = before.slice();
  const flags = new Uint32Array(raw.buffer, 0, 4);
  flags[0]! &= ~INPUT_COOKED;
  flags[1]! &= ~OUTPUT_COOKED;
  flags[2] = (flags[2]! & ~CONTROL_COOKED) | CONTROL_RAW;
  flags[3]! &= ~LOCAL_COOKED;
  syscall("ioctl", "TCSETSW", SYS.ioctl, terminal, TCSETSW, raw);
  return {
    [Symbol.dispose]: () => syscall("ioctl", "TCSETSW", SYS.ioctl, terminal, TCSETSW, before),
  };
}

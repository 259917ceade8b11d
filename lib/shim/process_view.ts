/**
 * The container's processes, for those who join the mount namespace of its shim: podman lists them by what is in /proc
 * there. What is found there is made when somebody looks.
 */
import { messageOf } from "../failure.ts";
import type { ProcessFiles } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import {
  attachNewMount,
  createMount,
  cString,
  ENOENT,
  type Fd,
  isSysError,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  O_DIRECTORY,
  O_RDONLY,
  open,
  SYS,
  syscall,
} from "../sys/mod.ts";
import { processDirectories, type ProcessDirectory } from "./process_directories.ts";

/** Milliseconds after which what was made is removed again: nobody reads that long. */
const KEPT = 5000;
/** Enough for all devices. */
const SIZE = "4m";
/** Devices that are made in all: each takes a little memory. */
const MAX_TERMINALS = 1000;
/** S_IFCHR, and nobody's to read. */
const CHARACTER_DEVICE = 0o020000;
/** Hundredths of a second. */
const TICKS_PER_SECOND = 100;
/** All are said to be in one pid namespace, which is none of the host's: that one's processes are other ones. */
const PID_NAMESPACE = "pid:[1]";

const log = getLogger("shim");

/** A file system for processes, whose root directory nobody opens unseen. */
export class ProcessView implements Disposable {
  readonly #root: Fd;
  readonly #terminals: TerminalView;
  #shown: readonly number[] = [];
  #removal: ReturnType<typeof setTimeout> | undefined;

  constructor(root: Fd) {
    this.#root = root;
    this.#terminals = new TerminalView();
  }

  /** Those that have been shown before may be being read: each file is replaced as a whole. */
  show(files: ProcessFiles): void {
    clearTimeout(this.#removal);
    const directories = processDirectories(files);
    const pids = directories.map(({ pid }) => pid);
    this.#remove(this.#shown.filter((each) => !pids.includes(each)));
    this.#shown = pids;
    this.#removal = setTimeout(() => this.#clear(), KEPT);
    const started = Math.floor(Date.now() / 1000 - files.uptime / TICKS_PER_SECOND);
    this.#replace("stat", `btime ${Math.max(started, 0)}\n`);
    // Readers find the newest first.
    for (const each of directories.toSorted((a, b) => b.pid - a.pid)) this.#write(each);
    this.#terminals.show(directories.map(({ terminal }) => terminal));
  }

  #write({ pid, stat, status, cmdline }: ProcessDirectory): void {
    Deno.mkdirSync(this.#path(`${pid}/ns`), { recursive: true });
    for (const [name, text] of Object.entries({ stat, status, cmdline })) {
      this.#replace(`${pid}/${name}`, text);
    }
    try {
      Deno.symlinkSync(PID_NAMESPACE, this.#path(`${pid}/ns/pid`));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }

  #replace(name: string, text: string): void {
    const made = this.#path(".new");
    Deno.writeTextFileSync(made, text, { mode: 0o444 });
    Deno.renameSync(made, this.#path(name));
  }

  #clear(): void {
    this.#remove(this.#shown);
    this.#shown = [];
  }

  #remove(pids: readonly number[]): void {
    for (const pid of pids) {
      try {
        Deno.removeSync(this.#path(String(pid)), { recursive: true });
      } catch (error) {
        // There may have been no room for it.
        log.debug("process not removed", { pid, reason: messageOf(error) });
      }
    }
  }

  /** By way of the descriptor: the directory itself is not opened, which would wait for this process. */
  #path(name: string): string {
    return `${pathIn(this.#root)}/${name}`;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#removal);
    this.#terminals.close();
    this.#root.close();
  }
}

/** Devices by which readers know the names of terminals. They cannot be opened. */
class TerminalView implements Disposable {
  readonly #directory: Fd;
  readonly #shown = new Set<number>();

  constructor() {
    using mount = newFileSystem();
    try {
      attachNewMount(Deno.pid, mount, "/dev/pts");
      this.#directory = open(pathIn(mount), O_RDONLY | O_DIRECTORY);
    } catch (error) {
      if (!isSysError(error, ENOENT)) throw error;
      // In the container, too, what an image has there is hidden.
      Deno.mkdirSync(`${pathIn(mount)}/pts`);
      attachNewMount(Deno.pid, mount, "/dev");
      this.#directory = open(`${pathIn(mount)}/pts`, O_RDONLY | O_DIRECTORY);
    }
  }

  /** @param terminals numbers of devices; those that are no pseudo-terminals have no name */
  show(terminals: readonly number[]): void {
    for (const device of terminals) {
      const number = pseudoTerminal(device);
      if (number === undefined || this.#shown.has(number)) continue;
      if (this.#shown.size === MAX_TERMINALS) return;
      this.#shown.add(number);
      const name = String(number);
      const at = this.#directory.number;
      syscall("mknod", name, SYS.mknodat, at, cString(name), CHARACTER_DEVICE, device);
    }
  }

  close(): void {
    this.#directory.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function newFileSystem(): Fd {
  const attributes = MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC;
  return createMount("tmpfs", { mode: "0555", size: SIZE }, attributes);
}

function pathIn({ number }: Fd): string {
  return `/proc/self/fd/${number}`;
}

/** The name in /dev/pts of a device (Documentation/admin-guide/devices.txt, 136 to 143; new_encode_dev). */
function pseudoTerminal(device: number): number | undefined {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  return major >= 136 && major <= 143 ? (major - 136) * 256 + minor : undefined;
}

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
  Fd,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  O_DIRECTORY,
  O_RDONLY,
  open,
  OpenGate,
} from "../sys/mod.ts";
import { type ContainerPlace, containerProcesses } from "./container_processes.ts";
import { processDirectories, type ProcessDirectory } from "./process_directories.ts";

/** Milliseconds for which whoever looks waits for the guest. */
const PATIENCE = 2000;
/** Milliseconds after which what was made is removed again: nobody reads that long. */
const KEPT = 5000;
/** Three pages for each process of the longest list, and as many again. */
const SIZE = "32m";
/** Hundredths of a second. */
const TICKS_PER_SECOND = 100;
/** All are said to be in one pid namespace, which is none of the host's: that one's processes are other ones. */
const PID_NAMESPACE = "pid:[1]";

const log = getLogger("shim");

/**
 * Shows the processes of a container at /proc in this process's mount namespace, which must be of its own and have
 * another root than this process, as long as this process lives. Where that cannot be done it is logged.
 */
export async function showProcesses(place: ContainerPlace): Promise<void> {
  const { container } = place;
  try {
    using view = new ProcessView();
    for (;;) {
      using waiting = new DisposableStack();
      for (const each of await view.openings()) waiting.use(each);
      try {
        view.show(await containerProcesses(place, PATIENCE));
      } catch (error) {
        log.debug("processes not known", { container, reason: messageOf(error) });
      }
    }
  } catch (error) {
    log.debug("processes not shown", { container, reason: messageOf(error) });
  }
}

/** A file system for processes, whose root directory nobody opens unseen. */
class ProcessView implements Disposable {
  readonly #root: Fd;
  readonly #gate: OpenGate;
  #shown: readonly number[] = [];
  #removal: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const attributes = MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC;
    using mount = createMount("tmpfs", { mode: "0555", size: SIZE }, attributes);
    using undo = new DisposableStack();
    this.#root = undo.use(open(`/proc/self/fd/${mount.number}`, O_RDONLY | O_DIRECTORY));
    this.#gate = undo.use(new OpenGate(this.#root));
    attachNewMount(Deno.pid, mount, "/proc");
    undo.move();
  }

  openings() {
    return this.#gate.wait();
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
    for (const each of directories) this.#write(each);
  }

  #write({ pid, ...files }: ProcessDirectory): void {
    Deno.mkdirSync(this.#path(`${pid}/ns`), { recursive: true });
    for (const [name, text] of Object.entries(files)) this.#replace(`${pid}/${name}`, text);
    const link = this.#path(`${pid}/ns/pid`);
    if (!isThere(link)) Deno.symlinkSync(PID_NAMESPACE, link);
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
    return `/proc/self/fd/${this.#root.number}/${name}`;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#removal);
    this.#gate.close();
    this.#root.close();
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

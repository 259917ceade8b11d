import { type Fd, mount, O_DIRECTORY, O_PATH, open, unmount } from "../../sys/mod.ts";
import { exists, makeDirectory } from "./guest_files.ts";
import { loadModules } from "./modules.ts";
import { raiseReadAhead } from "./read_ahead.ts";
import { Refusal } from "./runtime.ts";

const MS_NODEV = 4;
/** The original's own tests and ours found large messages and mmap of shared files to be what programs need. */
const SHARE_OPTIONS = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap";

/** The directory that the host shares with the pod. It is mounted when it is needed first. */
export class Share {
  readonly #mount: (tag: string, path: string) => void;
  readonly #tag: string;
  #root: Fd | undefined;

  /**
   * @param mount mounts what has a tag on a path
   * @param path where it is mounted
   */
  constructor(mount: (tag: string, path: string) => void, tag: string, readonly path: string) {
    this.#mount = mount;
    this.#tag = tag;
  }

  /** @throws when it cannot be mounted */
  get root(): Fd {
    if (this.#root) return this.#root;
    if (!exists(this.path)) makeDirectory(this.path);
    this.#mount(this.#tag, this.path);
    using undo = new DisposableStack();
    undo.defer(() => unmount(this.path));
    this.#root = open(this.path, O_PATH | O_DIRECTORY);
    undo.move();
    return this.#root;
  }

  close(): void {
    if (!this.#root) return;
    this.#root.close();
    this.#root = undefined;
    unmount(this.path);
  }
}

/**
 * How a kind of share is mounted.
 *
 * @param type `9p`, which is the default, or `virtiofs`
 * @throws {Refusal} for one that is not known here
 */
export function shareMount(type: string): (tag: string, path: string) => void {
  if (type === "" || type === "9p") {
    return (tag, path) => mount(tag, path, "9p", MS_NODEV, SHARE_OPTIONS);
  }
  if (type !== "virtiofs") throw new Refusal(`Cannot mount the share: ${type} is unknown`);
  return (tag, path) => {
    loadModules("virtiofs");
    mount(tag, path, "virtiofs", MS_NODEV);
    raiseReadAhead(path);
  };
}

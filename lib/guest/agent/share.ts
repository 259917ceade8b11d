import { type Fd, O_DIRECTORY, O_PATH, open, unmount } from "../../sys/mod.ts";
import { exists, makeDirectory } from "./guest_files.ts";

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

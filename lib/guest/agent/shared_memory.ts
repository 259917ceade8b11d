import {
  attachTree,
  createMount,
  type Fd,
  O_DIRECTORY,
  O_PATH,
  open,
  unmount,
} from "../../sys/mod.ts";
import { makeDirectory, removeDirectory } from "./guest_files.ts";

/** File systems in memory that containers of a pod share by a name. */
export class SharedMemory {
  readonly #directory: string;
  readonly #places = new Map<string, string>();

  /** @param directory where they are kept: only what is mounted somewhere can be mounted elsewhere too */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Opens the one of this name, which is made with these options where there is none yet. */
  open(name: string, options: Readonly<Record<string, string | true>>): Fd {
    const path = this.#places.get(name) ?? this.#make(name, options);
    return open(path, O_PATH | O_DIRECTORY);
  }

  clear(): void {
    for (const path of this.#places.values()) {
      unmount(path);
      removeDirectory(path);
    }
    this.#places.clear();
  }

  #make(name: string, options: Readonly<Record<string, string | true>>): string {
    const path = `${this.#directory}/memory-${this.#places.size + 1}`;
    using tree = createMount("tmpfs", options);
    makeDirectory(path);
    attachTree(tree.number, path);
    this.#places.set(name, path);
    return path;
  }
}

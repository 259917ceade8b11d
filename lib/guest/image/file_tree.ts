import type { ErofsNode } from "./erofs.ts";

type Directory = Extract<ErofsNode, { kind: "directory" }>;

/** Collects files by absolute path into a tree. */
export class FileTree {
  readonly root: Directory = { kind: "directory", entries: new Map() };

  /** Makes a directory, and those above it. */
  directory(path: string, mode?: number): Directory {
    const made = this.#directory(path);
    if (mode !== undefined) made.mode = mode;
    return made;
  }

  #directory(path: string): Directory {
    let at = this.root;
    for (const name of path.split("/").filter(Boolean)) {
      const next = at.entries.get(name) ?? { kind: "directory", entries: new Map() };
      if (next.kind !== "directory") throw new TypeError(`Cannot put ${path} into a ${next.kind}`);
      at.entries.set(name, next);
      at = next;
    }
    return at;
  }

  /** Adds a file, and the directories above it. */
  file(path: string, data: Uint8Array, mode = 0o644): void {
    this.#put(path, { kind: "file", data, mode });
  }

  /** Adds a link, and the directories above it. */
  link(path: string, target: string): void {
    this.#put(path, { kind: "symlink", target });
  }

  #put(path: string, node: ErofsNode): void {
    const cut = path.lastIndexOf("/");
    this.directory(path.slice(0, cut)).entries.set(path.slice(cut + 1), node);
  }
}

import { join } from "@std/path";
import { getLogger } from "../../log.ts";
import { lockFile } from "../../sys/mod.ts";
import { type HashedFile, isUnchanged } from "./inputs.ts";

const log = getLogger("guest");
/** Finished images that stay when a new one is made: other versions and kernels may be in use in turn. */
const KEPT_IMAGES = 4;
/** A build that has not ended after this long never will. Milliseconds. */
const ABANDONED_AFTER = 3600_000;

/** What was built from what. */
interface CacheRecord {
  inputs: HashedFile[];
  /** Name of the image's directory. */
  key: string;
}

/** A built image, by its directory. */
export interface CachedImage {
  key: string;
  directory: string;
}

/**
 * Built images in one directory: each in a directory of its own, named by a hash of what it was built from, moved into
 * place when it is whole. Beside them, for each way of building, a record of the inputs' identities, so that a ready
 * image is found by a few stat calls.
 */
export class ImageCache {
  /** @param directory made when the first image is built */
  constructor(readonly directory: string) {}

  /** The image that `recipe` made last, if none of its inputs has changed since. */
  find(recipe: string): CachedImage | undefined {
    const record = this.#readRecord(recipe);
    if (!record || !this.#has(record.key)) return undefined;
    if (!record.inputs.every(isUnchanged)) return undefined;
    return { key: record.key, directory: join(this.directory, record.key) };
  }

  /** What the inputs of `recipe` were when it was last built. */
  knownInputs(recipe: string): HashedFile[] {
    return this.#readRecord(recipe)?.inputs ?? [];
  }

  /**
   * Makes an image, unless there is one under its key; other processes that want to make one wait meanwhile.
   *
   * @param recipe name for the way of building
   * @param prepare finds out the inputs and their key
   * @param fill writes the image's files into a directory
   */
  async build(
    recipe: string,
    prepare: () => Promise<{ key: string; inputs: HashedFile[] }>,
    fill: (directory: string) => Promise<void>,
  ): Promise<CachedImage> {
    Deno.mkdirSync(this.directory, { recursive: true, mode: 0o755 });
    using _lock = await lockFile(join(this.directory, "lock"));
    const found = this.find(recipe);
    if (found) return found;
    const { key, inputs } = await prepare();
    if (!this.#has(key)) await this.#make(key, fill);
    this.#writeRecord(recipe, { key, inputs });
    this.#prune(key);
    return { key, directory: join(this.directory, key) };
  }

  async #make(key: string, fill: (directory: string) => Promise<void>): Promise<void> {
    const temporary = Deno.makeTempDirSync({ dir: this.directory, prefix: "building-" });
    try {
      await fill(temporary);
      Deno.chmodSync(temporary, 0o755);
      Deno.renameSync(temporary, join(this.directory, key));
    } catch (error) {
      Deno.removeSync(temporary, { recursive: true });
      // Without the lock, as on some network file systems, another process may have been first: its image is as good.
      if (!this.#has(key)) throw error;
    }
  }

  #has(key: string): boolean {
    try {
      return Deno.statSync(join(this.directory, key)).isDirectory;
    } catch {
      return false;
    }
  }

  #recordPath(recipe: string): string {
    return join(this.directory, `${recipe}.json`);
  }

  #readRecord(recipe: string): CacheRecord | undefined {
    try {
      return JSON.parse(Deno.readTextFileSync(this.#recordPath(recipe)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      log.warn("Cannot read what the guest was built from: building it again", { recipe, error });
      return undefined;
    }
  }

  #writeRecord(recipe: string, record: CacheRecord): void {
    const temporary = `${this.#recordPath(recipe)}.${crypto.randomUUID()}`;
    Deno.writeTextFileSync(temporary, JSON.stringify(record));
    Deno.renameSync(temporary, this.#recordPath(recipe));
  }

  /** Removes the oldest images, and what builds that were killed have left. VMs that run keep their files open. */
  #prune(key: string): void {
    const entries = [...Deno.readDirSync(this.directory)]
      .filter((entry) => entry.isDirectory && entry.name !== key)
      .map(({ name }) => {
        const path = join(this.directory, name);
        return { name, path, made: Deno.statSync(path).mtime?.getTime() ?? 0 };
      });
    const abandoned = entries.filter(({ name, made }) =>
      name.startsWith("building-") && Date.now() - made > ABANDONED_AFTER
    );
    const old = entries.filter(({ name }) => /^[0-9a-f]{64}$/.test(name))
      .sort((a, b) => b.made - a.made).slice(KEPT_IMAGES - 1);
    for (const { path } of [...abandoned, ...old]) Deno.removeSync(path, { recursive: true });
  }
}

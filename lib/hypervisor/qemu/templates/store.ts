import { join } from "@std/path";
import { Failure } from "../../../failure.ts";
import { getLogger } from "../../../log.ts";
import {
  ENOENT,
  type Fd,
  isSysError,
  lockFile,
  O_RDONLY,
  open,
  tryLockFile,
} from "../../../sys/mod.ts";
import type { TemplateDetails } from "../../hypervisor.ts";
import { isWhole, readManifest, type TemplateManifest, writeManifest } from "./manifest.ts";
import { describeFile } from "./saved_file.ts";

const MANIFEST = "template.json", RAM = "ram", STATE = "state";
/** Bytes on the disk that all templates may take together; the newest may always stay. */
const DISK_BOUND = 4 * 2 ** 30;
const BLOCK = 512;
/** With less room than this on its file system something has failed for lack of it, in bytes. */
const FULL = 2 ** 20;
const NO_ROOM = "A template takes about 160 MiB: make room there, or choose another PODVISOR_CACHE";
const KEY = /^[0-9a-f]{64}$/;

/** A template whose files are open: it can be restored even if it is removed meanwhile. */
export interface OpenTemplate extends Disposable {
  manifest: TemplateManifest;
  ram: Fd;
  state: Fd;
}

/** Where the files of a template that is being made are to be put. */
export interface TemplatePlace {
  ram: string;
  state: string;
}

/**
 * The templates on this host: one directory each, named by its key and moved into place when it is whole. VMs that run
 * keep its files open.
 */
export class TemplateStore {
  /** @param directory made when the first template is */
  constructor(readonly directory: string) {}

  /**
   * Opens the template of a key. One that is damaged is dropped.
   *
   * @returns nothing when there is none that can be used
   */
  async open(key: string): Promise<OpenTemplate | undefined> {
    const place = this.#place(key);
    try {
      using undo = new DisposableStack();
      const manifest = await readManifest(Deno.readTextFileSync(place.manifest));
      const ram = undo.use(open(place.ram, O_RDONLY));
      const state = undo.use(open(place.state, O_RDONLY));
      const opened = { ram: pathOf(ram.number), state: pathOf(state.number) };
      if (!manifest || manifest.key !== key || !isWhole(manifest, opened)) {
        getLogger("template").warn("template dropped: its files are not as they were", { key });
        await this.drop(key);
        return undefined;
      }
      const held = undo.move();
      const now = new Date();
      Deno.utimeSync(place.manifest, now, now);
      return { manifest, ram, state, [Symbol.dispose]: () => held.dispose() };
    } catch (error) {
      if (!isNotThere(error)) throw error;
      // What is left of one that somebody has begun to remove, or has damaged.
      await this.drop(key);
      return undefined;
    }
  }

  /** Every template, the last used first. */
  async list(): Promise<(TemplateManifest & { used: Date; bytes: number })[]> {
    const found = await Promise.all(
      this.#keys().map(async (key) => {
        const { manifest: path, ram, state } = this.#place(key);
        try {
          const manifest = await readManifest(Deno.readTextFileSync(path));
          const used = Deno.statSync(path).mtime ?? new Date(0);
          return manifest ? [{ ...manifest, used, bytes: occupied(ram) + occupied(state) }] : [];
        } catch (error) {
          if (isNotThere(error)) return [];
          throw error;
        }
      }),
    );
    return found.flat().sort((a, b) => b.used.getTime() - a.used.getTime());
  }

  /**
   * Makes a template. Only one is made at a time.
   *
   * @param fill makes its files, and says what it is; nothing when it is not to be
   * @param options.wait whether to wait for others that make one; otherwise nothing happens then
   */
  async make(
    fill: (place: TemplatePlace) => Promise<TemplateDetails | undefined>,
    { wait }: { wait: boolean },
  ): Promise<TemplateManifest | undefined> {
    Deno.mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const lock = wait ? await lockFile(this.#lock) : tryLockFile(this.#lock);
    if (!lock) return undefined;
    using _lock = lock;
    await this.#removeUnfinished();
    const temporary = Deno.makeTempDirSync({ dir: this.directory, prefix: "building-" });
    try {
      const place = { ram: join(temporary, RAM), state: join(temporary, STATE) };
      const details = await fill(place);
      if (!details) return undefined;
      // A template may outlast a crash of the host: what it says of its files must be so then.
      for (const path of [place.ram, place.state]) await writeBack(path);
      const manifest: TemplateManifest = {
        version: 1,
        created: new Date().toISOString(),
        ...details,
        ram: describeFile(place.ram),
        state: describeFile(place.state),
      };
      Deno.writeTextFileSync(join(temporary, MANIFEST), await writeManifest(manifest));
      await this.drop(details.key);
      Deno.renameSync(temporary, join(this.directory, details.key));
      await this.#prune(details.key);
      return manifest;
    } catch (cause) {
      if (!await isFull(this.directory)) throw cause;
      const message = `Cannot make a template in ${this.directory}: no space left on device`;
      throw new Failure(message, { cause, hint: NO_ROOM });
    } finally {
      await removeTree(temporary);
    }
  }

  /** Removes a template, if there is one of that key. @returns whether there was */
  async drop(key: string): Promise<boolean> {
    const aside = join(this.directory, `building-${crypto.randomUUID()}`);
    try {
      // In one step: nobody finds half of it.
      Deno.renameSync(join(this.directory, key), aside);
    } catch (error) {
      if (isNotThere(error)) return false;
      throw error;
    }
    await removeTree(aside);
    return true;
  }

  /** Removes what was left by commands that were killed while they made a template. @returns what was removed */
  async collectGarbage(): Promise<string[]> {
    if (names(this.directory).length === 0) return [];
    const lock = tryLockFile(this.#lock);
    if (!lock) return [];
    using _lock = lock;
    return await this.#removeUnfinished();
  }

  get #lock(): string {
    return join(this.directory, "lock");
  }

  #place(key: string): TemplatePlace & { manifest: string } {
    const directory = join(this.directory, key);
    return {
      ram: join(directory, RAM),
      state: join(directory, STATE),
      manifest: join(directory, MANIFEST),
    };
  }

  #keys(): string[] {
    return names(this.directory).filter((name) => KEY.test(name));
  }

  async #removeUnfinished(): Promise<string[]> {
    const left = names(this.directory).filter((name) => name.startsWith("building-"));
    for (const name of left) await removeTree(join(this.directory, name));
    return left.map((name) => join(this.directory, name));
  }

  /** Removes those that were used longest ago, until the others fit. */
  async #prune(newest: string): Promise<void> {
    const templates = await this.list();
    const known = new Set(templates.map(({ key }) => key));
    for (const key of this.#keys()) if (!known.has(key)) await this.drop(key);
    let bytes = 0;
    for (const template of templates) {
      bytes += template.bytes;
      if (bytes > DISK_BOUND && template.key !== newest) await this.drop(template.key);
    }
  }
}

/** A descriptor by its path: what is behind it, whatever has become of its name. */
export function pathOf(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

async function writeBack(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true });
  await file.syncData();
}

/** Bytes that a file, which may have holes, takes on the disk. */
function occupied(path: string): number {
  return (Deno.statSync(path).blocks ?? 0) * BLOCK;
}

function names(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    if (isNotThere(error)) return [];
    throw error;
  }
}

async function removeTree(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!isNotThere(error)) throw error;
  }
}

function isNotThere(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || isSysError(error, ENOENT);
}

/** A VM whose memory finds no room in its file is killed, and cannot say why. */
async function isFull(directory: string): Promise<boolean> {
  const { statfsSync } = await import("node:fs");
  const { bfree, bsize } = statfsSync(directory);
  return bfree * bsize < FULL;
}

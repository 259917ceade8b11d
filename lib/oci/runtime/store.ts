import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import { readSmallFile, removeTree, replaceFile } from "../../small_file.ts";
import { checkId } from "./names.ts";
import type { RuntimeRecord } from "./record.ts";

/** The containers of one engine: a directory each below `--root`, which holds nothing but what engines ask for. */
export class RuntimeStore {
  /** @param root directory of the records: `--root` */
  constructor(readonly root: string) {}

  /** The directory of a container. @throws {Failure} when `id` is no id */
  directory(id: string): string {
    return join(this.root, "oci", checkId(id));
  }

  /** Where a network namespace lives that is made for a container. */
  networkPath(id: string): string {
    return join(this.directory(id), "netns");
  }

  /** Takes an id, for one command alone. @throws {Failure} when there is a container of that id */
  async add(record: RuntimeRecord): Promise<void> {
    const directory = this.directory(record.id);
    Deno.mkdirSync(join(this.root, "oci"), { recursive: true, mode: 0o700 });
    try {
      Deno.mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      throw new Failure(`container with id exists: ${record.id}`);
    }
    await this.write(record);
  }

  /** Replaces a container's record as a whole. */
  async write(record: RuntimeRecord): Promise<void> {
    const path = join(this.directory(record.id), "state.json");
    await replaceFile(path, `${JSON.stringify(record)}\n`);
  }

  /** A container's record, if there is one. */
  async find(id: string): Promise<RuntimeRecord | undefined> {
    try {
      return JSON.parse(await readSmallFile(join(this.directory(id), "state.json")));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** A container's record. @throws {Failure} when there is none, in words that engines look for */
  async read(id: string): Promise<RuntimeRecord> {
    const record = await this.find(id);
    if (record) return record;
    throw new Failure(`container ${JSON.stringify(id)} does not exist`);
  }

  /** Ids of all containers, in order. */
  async list(): Promise<string[]> {
    const ids: string[] = [];
    try {
      for await (const { name } of Deno.readDir(join(this.root, "oci"))) ids.push(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return ids.sort();
  }

  /** Forgets a container; one that is not there is fine. */
  async remove(id: string): Promise<void> {
    await removeTree(this.directory(id));
  }
}

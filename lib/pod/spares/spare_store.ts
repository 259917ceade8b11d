import { join } from "@std/path";
import { getLogger } from "../../log.ts";
import { isAlive, type ProcessIdentity } from "../../sys/mod.ts";
import { readRecord, writeRecord } from "../record_file.ts";
import type { ProxyRecord, VmRecord } from "../records.ts";
import { type PodDirectory, PodStore } from "../store.ts";

/** A VM that waits for a pod (`spare.json`). The file is the VM: whose directory it is in has it. */
export interface SpareRecord {
  version: 1;
  /** Key of the template that it was restored from: it is for pods of that shape. */
  key: string;
  /** Directory that the VM was started in, and that its command line names. */
  path: string;
  vm: VmRecord;
  /** Its proxy, which knows its guest under the name of the spare. */
  proxy: ProxyRecord;
  /** The process that ends it when nobody takes it, and that watches who has. */
  keeper: ProcessIdentity;
}

/** A spare that a pod has taken. */
export interface TakenSpare {
  vm: VmRecord;
  /** At its new address. */
  proxy: ProxyRecord;
  /** What it was as a pod. */
  formerId: string;
}

/** Name of the record in its directory. */
const RECORD = "spare.json";

/** Where the spares of a state directory are: pods of their own until they are taken. */
export function spareStore(root: string): PodStore {
  return new PodStore(join(root, "spares"));
}

/** Lets others take a spare. */
export async function offerSpare(directory: PodDirectory, spare: SpareRecord): Promise<void> {
  await writeRecord(directory.file(RECORD), spare);
}

/** Takes an offer back. @returns whether it was still there */
export async function withdrawSpare(directory: PodDirectory): Promise<boolean> {
  return await whetherFound(() => Deno.remove(directory.file(RECORD)));
}

/** Whether nobody has taken a spare yet. */
export async function isOffered(directory: PodDirectory): Promise<boolean> {
  return await findSpare(directory.path) !== undefined;
}

/** How many spares of a shape wait. */
export async function countSpares(root: string, key: string): Promise<number> {
  const store = spareStore(root);
  let count = 0;
  for (const id of await store.list()) {
    if (isFit(await findSpare(store.directory(id).path), key)) count++;
  }
  return count;
}

/**
 * Takes a spare for a pod, if there is one: its VM's files are in the pod's directory then. Renaming its record is what
 * takes it, so that no two pods get the same one; and who is killed right after that has it all the same.
 *
 * @param directory of the pod, with nothing shared yet
 * @param key of its template
 */
export async function takeSpare(
  directory: PodDirectory,
  key: string,
): Promise<TakenSpare | undefined> {
  if (!isEmpty(directory.share)) return undefined;
  const store = spareStore(directory.root);
  for (const id of await store.list()) {
    const from = store.directory(id);
    const spare = await findSpare(from.path);
    if (!isFit(spare, key)) continue;
    const take = () => Deno.rename(from.file(RECORD), directory.file(RECORD));
    if (!await whetherFound(take)) continue;
    moveFiles(from, directory);
    getLogger("pod", { pod: directory.id }).info("spare taken", { spare: id });
    const { vm, proxy } = spare;
    return { vm, proxy: { ...proxy, url: directory.proxyUrl }, formerId: id };
  }
  return undefined;
}

/** The pod that has taken a spare, if there is one. */
export async function findTaker(root: string, path: string): Promise<string | undefined> {
  const store = new PodStore(root);
  for (const pod of await store.list()) {
    if ((await findSpare(store.directory(pod).path))?.path === path) return pod;
  }
  return undefined;
}

/** What a directory's VM was before it was the pod's, if it was a spare. */
export async function findSpare(directory: string): Promise<SpareRecord | undefined> {
  return await readRecord<SpareRecord>(join(directory, RECORD));
}

/** The directory that a directory's VM was started in as a spare, if it was one. */
export function formerPlaces(directory: string): string[] {
  try {
    const spare: SpareRecord = JSON.parse(Deno.readTextFileSync(join(directory, RECORD)));
    return [spare.path];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** One whose keeper is gone would outlive a command that is killed. */
function isFit(spare: SpareRecord | undefined, key: string): spare is SpareRecord {
  if (spare?.key !== key || spare.proxy.process === null) return false;
  return [spare.keeper, spare.vm.process, spare.proxy.process].every(isAlive);
}

/**
 * A socket is found by its file, wherever that is; the VM's share and the mounts on it go with its directory
 * (rename(2)). What is left is what the spare was as a pod. Nothing here waits for a disk.
 */
function moveFiles(from: PodDirectory, to: PodDirectory): void {
  const left = [from.record, from.file("containers")];
  for (const { name } of Deno.readDirSync(from.path)) {
    if (!left.includes(from.file(name))) Deno.renameSync(from.file(name), to.file(name));
  }
}

function isEmpty(path: string): boolean {
  for (const _ of Deno.readDirSync(path)) return false;
  return true;
}

async function whetherFound(change: () => Promise<void>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

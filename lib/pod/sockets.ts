import { dirname, join } from "@std/path";
import { Failure } from "../failure.ts";
import { removeFile } from "../small_file.ts";
import { lockFile } from "../sys/mod.ts";
import { readRecord, writeRecord } from "./record_file.ts";
import type { PodDirectory } from "./store.ts";

/** Sockets that a pod's VM makes outside of the pod's directory, written down before it starts. */
interface SocketsRecord {
  version: 1;
  paths: string[];
}

const RECORD = "sockets.json";

/**
 * Takes the places of a pod's sockets where the configuration has put them elsewhere than in the pod's directory: QEMU
 * would take an earlier one's place without a word.
 *
 * @throws {Failure} naming the path that is taken
 */
export async function claimSockets(
  directory: PodDirectory,
  sockets: readonly string[],
): Promise<void> {
  await releaseSockets(directory);
  const paths = sockets.filter((path) => dirname(path) !== directory.path);
  if (paths.length === 0) return;
  using _lock = await lockFile(join(directory.root, "locks", ".sockets"));
  const taken = await pathsInUse(directory.root);
  for (const path of paths) {
    const owner = taken.get(path);
    if (owner === undefined && !await exists(path)) continue;
    const why = owner === undefined ? "there is a file of that name" : `the pod ${owner} has it`;
    throw new Failure(`Cannot use ${path} as a socket of the pod ${directory.id}: ${why}`, {
      hint: "In the configuration {pod} stands for the pod's name: /run/guests/{pod}.sock",
    });
  }
  await writeRecord(directory.file(RECORD), { version: 1, paths } satisfies SocketsRecord);
}

/** Removes what {@linkcode claimSockets} has taken; the VM has ended. Doing it again changes nothing. */
export async function releaseSockets(directory: PodDirectory): Promise<void> {
  const record = await readRecord<SocketsRecord>(directory.file(RECORD));
  if (!record) return;
  for (const path of record.paths) removeFile(path);
  removeFile(directory.file(RECORD));
}

async function pathsInUse(root: string): Promise<Map<string, string>> {
  const used = new Map<string, string>();
  for await (const { name } of Deno.readDir(join(root, "pods"))) {
    const record = await readRecord<SocketsRecord>(join(root, "pods", name, RECORD));
    for (const path of record?.paths ?? []) used.set(path, name);
  }
  return used;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

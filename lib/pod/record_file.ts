import { Failure, messageOf } from "../failure.ts";
import { readSmallFile, replaceFile } from "../small_file.ts";

/** The version of the records that this program writes and reads. */
const VERSION = 1;

/** A record on disk; nothing when there is none. @throws {Failure} when it cannot be read */
export async function readRecord<T extends { version: number }>(
  path: string,
): Promise<T | undefined> {
  let text: string;
  try {
    text = await readSmallFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  let record: T;
  try {
    record = JSON.parse(text);
  } catch (cause) {
    throw new Failure(`Cannot read the record ${path}: ${messageOf(cause)}`, { cause });
  }
  if (record.version === VERSION) return record;
  throw new Failure(
    `Cannot read the record ${path}: it is of version ${record.version}, this program's is ${VERSION}`,
  );
}

/** Replaces a record as a whole. */
export async function writeRecord(path: string, record: unknown): Promise<void> {
  await replaceFile(path, JSON.stringify(record, null, 1) + "\n");
}

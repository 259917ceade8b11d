/** Bytes at the end of a console's file that are looked at. */
const TAIL_SIZE = 16 * 1024;
const MAX_LINES = 20;
const MAX_LINE = 200;
/** QEMU tells why only at the end of a line that has two paths in it. */
const MAX_QEMU_LINE = 600;

/**
 * The last lines that a guest has written to its console, made fit to be shown: printable characters only, long lines
 * cut. Nothing when there is no such file.
 */
export function readConsoleTail(path: string): string[] {
  return readTail(path, MAX_LINE);
}

/** What QEMU itself has said last, in the same way. */
export function readComplaint(path: string): string | undefined {
  return readTail(path, MAX_QEMU_LINE).at(-1);
}

function readTail(path: string, maxLine: number): string[] {
  let bytes: Uint8Array;
  try {
    using file = Deno.openSync(path);
    const { size } = file.statSync();
    file.seekSync(Math.max(0, size - TAIL_SIZE), Deno.SeekMode.Start);
    bytes = new Uint8Array(TAIL_SIZE);
    let length = 0;
    for (let read; length < TAIL_SIZE && (read = file.readSync(bytes.subarray(length)));) {
      length += read;
    }
    bytes = bytes.subarray(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return new TextDecoder().decode(bytes).split(/[\r\n]+/)
    .map((line) => line.replace(/\p{Cc}\[[0-9;?]*[A-Za-z]/gu, "").replace(/\p{C}/gu, "").trimEnd())
    .filter((line) => line !== "")
    .slice(-MAX_LINES)
    .map((line) => line.length > maxLine ? `${line.slice(0, maxLine)}…` : line);
}

import { join } from "@std/path";
import { countBytes } from "./byte_counter.ts";
import type { Place } from "./podvisor.ts";
import { median, type Row } from "./row.ts";

const MB = 1e6;
const CONTAINER_BYTES = 48 * 1024 * 1024;

/** Bytes a second from a container to a pipe, and from a pipe to a container. */
export async function measureContainerStreams(place: Place): Promise<Row[]> {
  const write = `dd if=/dev/zero bs=65536 count=${CONTAINER_BYTES / 65536} 2>/dev/null`;
  const output = await repeat(3, () => outputRate(place, ["busybox", "sh", "-c", write]));
  const input = await repeat(
    3,
    () => inputRate(place, ["busybox", "sh", "-c", "echo; wc -c"], CONTAINER_BYTES),
  );
  return [
    { name: "stdout of a container to a pipe", value: output, unit: "MB/s" },
    { name: "stdin of a container from a pipe", value: input, unit: "MB/s" },
  ];
}

async function repeat(count: number, measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let run = 0; run < count; run++) values.push(await measure());
  return median(values);
}

/** From the first byte to the last one at the other end of a pipe, in MB/s. */
async function outputRate(place: Place, args: string[]) {
  const fifo = await makeFifo(place.directory);
  const command = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" >"$FIFO"', "sh", place.binary, "run", ...args],
    env: place.env({ FIFO: fifo }),
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const { first, last, total } = await countBytes(fifo);
  const { success } = await command.status;
  await Deno.remove(fifo);
  if (!success || total < MB) throw new Error(`Cannot measure: only ${total} bytes came`);
  return total / MB / (last - first) * 1000;
}

/** From the first byte into a pipe to the command's word that it had them all, in MB/s. */
async function inputRate(
  place: Place,
  args: string[],
  bytes: number,
): Promise<number> {
  const command = new Deno.Command(place.binary, {
    args: ["run", "-i", ...args],
    env: place.env(),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = command.stdout.getReader();
  const writer = command.stdin.getWriter();
  await reader.read();
  const piece = new Uint8Array(1 << 18);
  const start = performance.now();
  for (let left = bytes; left > 0; left -= piece.length) await writer.write(piece);
  await writer.close();
  const { value } = await reader.read();
  const seconds = (performance.now() - start) / 1000;
  const counted = Number(new TextDecoder().decode(value));
  while (!(await reader.read()).done);
  const { success } = await command.status;
  if (!success || counted < bytes) throw new Error(`Cannot measure: only ${counted} bytes arrived`);
  return bytes / MB / seconds;
}

async function makeFifo(directory: string): Promise<string> {
  const path = join(directory, `${crypto.randomUUID()}.fifo`);
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  if (!success) throw new Error(`Cannot make ${path}: mkfifo failed`);
  return path;
}

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LogWriter } from "../../../lib/shim/log_writer.ts";
import { type LogEntry, readLog } from "../../../lib/shim/mod.ts";
import { joined, sample, until } from "./scene.ts";

const STDOUT = 1, STDERR = 2;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A place for a log that goes away again. */
async function place(): Promise<AsyncDisposable & { file: string }> {
  const directory = await Deno.makeTempDir();
  return {
    file: `${directory}/log`,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

async function write(writer: LogWriter, stream: number, text: string): Promise<void> {
  await writer.output(stream, encoder.encode(text));
}

function texts(entries: readonly LogEntry[]): string[] {
  return entries.map(({ stream, text }) => `${stream} ${decoder.decode(text)}`);
}

Deno.test("log lines have time, stream and tag; a line without its end is partial", async () => {
  await using at = await place();
  using writer = new LogWriter(at.file);
  await write(writer, STDOUT, "one\n\ntwo");
  await write(writer, STDERR, "oops\n");
  await write(writer, STDOUT, " more\n");
  const lines = (await Deno.readTextFile(at.file)).split("\n");
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /;
  for (const line of lines.slice(0, -1)) assertMatch(line, time);
  assertEquals(lines.map((line) => line.replace(time, "")), [
    "stdout F one",
    "stdout F ",
    "stdout P two",
    "stderr F oops",
    "stdout F  more",
    "",
  ]);
  assertEquals((await Deno.stat(at.file)).mode! & 0o777, 0o600);
});

Deno.test("any bytes come out of a log as they went in, long lines too", async () => {
  await using at = await place();
  const bytes = joined([sample(30_000), new Uint8Array(70_000).fill(120), sample(999)]);
  using writer = new LogWriter(at.file);
  for (let from = 0; from < bytes.length; from += 40_001) {
    await writer.output(STDOUT, bytes.subarray(from, from + 40_001));
  }
  const entries = await Array.fromAsync(readLog(at.file));
  assertEquals(joined(entries.map(({ text }) => text)), bytes);
  assert(entries.every(({ text }) => text.length <= 16 * 1024 + 1));
});

Deno.test("a log is put aside at its size, lines stay whole and only the last old file is kept", async () => {
  await using at = await place();
  {
    using writer = new LogWriter(at.file, 2000);
    for (let line = 0; line < 100; line++) await write(writer, STDOUT, `line ${line}\n`);
  }
  const sizes = [at.file, `${at.file}.1`].map((path) => Deno.statSync(path).size);
  assert(sizes.every((size) => size > 0 && size <= 2000), `${sizes}`);
  const names = [...Deno.readDirSync(at.file.replace(/log$/, ""))].map(({ name }) => name);
  assertEquals(names.sort(), ["log", "log.1"]);
  const lines = texts(await Array.fromAsync(readLog(at.file)));
  const first = 100 - lines.length;
  assert(lines.length > 40);
  assertEquals(lines, lines.map((_, index) => `stdout line ${first + index}\n`));
  using writer = new LogWriter(at.file, 2000);
  await write(writer, STDOUT, "after a restart\n");
  assertEquals(texts(await Array.fromAsync(readLog(at.file))).at(-1), "stdout after a restart\n");
});

Deno.test("output of one read that is larger than the log's size spreads over files", async () => {
  await using at = await place();
  using writer = new LogWriter(at.file, 1000);
  await write(writer, STDOUT, Array.from({ length: 500 }, (_, line) => `${line}\n`).join(""));
  const lines = texts(await Array.fromAsync(readLog(at.file)));
  assertEquals(lines.at(-1), "stdout 499\n");
  assert(Deno.statSync(`${at.file}.1`).size <= 1000);
});

Deno.test("a log can be read by its last lines, by time and with times", async () => {
  await using at = await place();
  await Deno.writeTextFile(
    `${at.file}.1`,
    "2030-01-01T00:00:00.000000000Z stdout F a\n" +
      "2030-01-01T00:00:01.5Z stdout P b1\n",
  );
  await Deno.writeTextFile(
    at.file,
    "2030-01-01T00:00:02+00:00 stderr F c\n" +
      "2030-01-01T00:00:03Z stdout F:more b2\n" +
      "damage\n" +
      "2030-01-01T00:00:04Z stdout P d\n",
  );
  const read = async (options: Parameters<typeof readLog>[1]) =>
    texts(await Array.fromAsync(readLog(at.file, options)));
  const all = ["stdout a\n", "stdout b1", "stderr c\n", "stdout b2\n", "stdout d"];
  assertEquals(await read({}), all);
  assertEquals(await read({ tail: 1 }), ["stdout d"]);
  assertEquals(await read({ tail: 3 }), all.slice(1));
  assertEquals(await read({ tail: 0 }), []);
  assertEquals(await read({ tail: 99 }), all);
  assertEquals(await read({ since: new Date("2030-01-01T00:00:02Z") }), all.slice(2));
  assertEquals(await read({ timestamps: true, tail: 3 }), [
    "stdout 2030-01-01T00:00:01.5Z b1",
    "stderr 2030-01-01T00:00:02+00:00 c\n",
    "stdout b2\n",
    "stdout 2030-01-01T00:00:04Z d",
  ]);
  assertEquals(await Array.fromAsync(readLog(`${at.file}.none`)), []);
});

Deno.test("a log that is followed is read across files to the end of its container", async () => {
  await using at = await place();
  let ended = false;
  const entries: LogEntry[] = [];
  const reading = (async () => {
    for await (const entry of readLog(at.file, { follow: true, ended: () => ended })) {
      entries.push(entry);
    }
  })();
  using writer = new LogWriter(at.file, 600);
  const expected: string[] = [];
  for (let line = 0; line < 40; line++) {
    await write(writer, line % 2 ? STDERR : STDOUT, `${line}\n`);
    expected.push(`${line % 2 ? "stderr" : "stdout"} ${line}\n`);
    // No more than one file ahead of the reader, or there would be nothing left for it.
    await until(() => entries.length > line - 8);
  }
  ended = true;
  await reading;
  assertEquals(texts(entries), expected);
});

Deno.test("following a log ends when it is told to", async () => {
  await using at = await place();
  using writer = new LogWriter(at.file);
  await write(writer, STDOUT, "one\n");
  const abort = new AbortController();
  const seen: LogEntry[] = [];
  const options = { follow: true, tail: 5, signal: abort.signal };
  for await (const entry of readLog(at.file, options)) {
    seen.push(entry);
    if (seen.length === 1) write(writer, STDOUT, "two\n");
    else abort.abort();
  }
  assertEquals(texts(seen), ["stdout one\n", "stdout two\n"]);
});

Deno.test("a log that cannot be written does not stop the output", async () => {
  using writer = new LogWriter("/dev/full");
  await write(writer, STDOUT, "nowhere\n");
  await write(writer, STDOUT, "to go\n");
});

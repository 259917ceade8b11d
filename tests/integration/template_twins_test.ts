import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { TemplateBench } from "../harness/template_bench.ts";

const TWINS = 20, AT_ONCE = 4;
/** How far clocks may be off, in milliseconds. */
const CLOCK_BOUND = 50;

/** What a program in a container gets that nobody else may have. */
const SECRETS: Readonly<Record<string, string>> = {
  "the kernel's bytes": "head -c 16 /dev/urandom | hexdump -ve '1/1 \"%02x\"'; echo",
  "the kernel's bytes, by /dev/random": "head -c 16 /dev/random | hexdump -ve '1/1 \"%02x\"'; echo",
  "a uuid": "cat /proc/sys/kernel/random/uuid",
  "the boot's own name": "cat /proc/sys/kernel/random/boot_id",
  "the name of a temporary file": "basename $(mktemp /tmp/XXXXXXXXXXXX)",
  "what a process was given at its start": "hexdump -ve '1/1 \"%02x\"' /proc/self/auxv; echo",
  "a key for TLS": "/usr/bin/openssl genpkey -algorithm ED25519 -outform DER | base64",
};

/** Prints the secrets, a line for each, and the time when asked; then what files there are of others. */
const SCRIPT = [
  "hostname",
  ...Object.values(SECRETS),
  "ls /data; cat /data/*; ls / | grep -c mine; touch /mine",
  "read ask; adjtimex | awk '/tv_/ { print $2 }'",
].join("\n");

interface Twin {
  name: string;
  lines: string[];
  /** The guest's time, and the host's before and after, in milliseconds. */
  time: { guest: number; before: number; after: number };
}

Deno.test("twenty pods restored from one template have nothing in common", async (t) => {
  await using bench = await TemplateBench.make();
  await bench.done("template", "build");
  const twins: Twin[] = [];
  for (let at = 0; at < TWINS; at += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, index) => at + index);
    twins.push(...await Promise.all(numbers.map((number) => restore(bench, number))));
  }

  for (const [index, what] of Object.keys(SECRETS).entries()) {
    await t.step(`none has the same as another: ${what}`, () => {
      const values = twins.map(({ lines }) => lines[index + 1]!);
      assert(values.every((value) => value.length >= 12), values.join("\n"));
      assertEquals(new Set(values).size, TWINS, values.join("\n"));
    });
  }

  await t.step("each has its own name", () => {
    assertEquals(twins.map(({ lines }) => lines[0]), twins.map(({ name }) => name));
  });

  await t.step("each sees its own files", () => {
    const first = Object.keys(SECRETS).length + 1;
    for (const { name, lines } of twins) {
      assertEquals(lines.slice(first, first + 3), [`file-${name}`, `content of ${name}`, "0"]);
    }
  });

  await t.step(`clocks are right to ${CLOCK_BOUND} ms`, () => {
    const errors = twins.map(({ time }) => clockError(time));
    assert(errors.every((error) => error <= CLOCK_BOUND), errors.join(" "));
  });

  assertEquals((await bench.keys()).length, 1);
  await bench.bench.assertNothingLeft();
});

/** By how much a clock is off at least, in milliseconds, however late the answer came. */
function clockError({ guest, before, after }: Twin["time"]): number {
  return Math.max(before - guest, guest - after, 0);
}

async function restore(bench: TemplateBench, number: number): Promise<Twin> {
  const name = `twin${number}`;
  const data = join(bench.bench.state, name);
  await Deno.mkdir(data);
  await Deno.writeTextFile(join(data, `file-${name}`), `content of ${name}\n`);
  const libraries = ["/usr", "/lib", "/lib64"].flatMap((path) => ["-v", `${path}:${path}:ro`]);
  const args = ["run", "-i", "--name", name, "-v", `${data}:/data:ro`, ...libraries];
  const asked = Promise.withResolvers<void>();
  const child = bench.bench.start([...args, "busybox", "/bin/sh", "-c", SCRIPT], {
    env: bench.env(),
    stdin: new ReadableStream<Uint8Array>({
      async start(controller) {
        await asked.promise;
        controller.enqueue(new TextEncoder().encode("now\n"));
        controller.close();
      },
    }),
  });
  const expected = Object.keys(SECRETS).length + 4;
  let text = "", before = 0, after = 0;
  const stderr = new Response(child.stderr).text();
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (before === 0 && text.split("\n").length > expected) {
      before = Date.now();
      asked.resolve();
    } else if (before > 0 && after === 0 && text.split("\n").length > expected + 2) {
      after = Date.now();
    }
  }
  assert(after > 0, `the time was told before it was asked for: ${text}`);
  assertEquals([(await child.status).code, await stderr], [0, ""]);
  const lines = text.trimEnd().split("\n");
  const [seconds, micros] = lines.splice(-2).map(Number);
  return { name, lines, time: { guest: seconds! * 1000 + micros! / 1000, before, after } };
}

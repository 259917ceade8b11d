import { join } from "@std/path";
import { findCompiler } from "../../lib/guest/image/compile.ts";
import type { Place } from "./podvisor.ts";
import { median, type Row } from "./row.ts";

const RUNS = 21;
const HELLO = 'Deno.stdout.writeSync(new TextEncoder().encode("hello\\n"));\n';

/** What the binary weighs, and how soon it answers, against a compiled program of one line. */
export async function measureBinary(place: Place): Promise<Row[]> {
  const hello = await compileHello(place.directory);
  const version: number[] = [], reference: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    version.push(await timeOf(place.binary, ["--version"], place.env()));
    reference.push(await timeOf(hello, [], {}));
  }
  const { size } = await Deno.stat(place.binary);
  const bare = await Deno.stat(hello);
  return [
    { name: "size of the binary, with its guest", value: size / 1e6, unit: "MB" },
    { name: "size of a compiled program of one line", value: bare.size / 1e6, unit: "MB" },
    { name: "podvisor --version", value: median(version), unit: "ms" },
    {
      name: "podvisor --version ÷ a compiled program of one line",
      value: median(version) / median(reference),
      unit: "",
    },
  ];
}

/** Compiles a program of one line, and returns its path. */
export async function compileHello(directory: string): Promise<string> {
  const source = join(directory, "hello.ts"), output = join(directory, "hello");
  await Deno.writeTextFile(source, HELLO);
  const [program, ...args] = findCompiler({
    override: Deno.env.get("DENO_COMPILE"),
    path: Deno.env.get("PATH") ?? "",
    deno: Deno.execPath(),
  });
  const command = new Deno.Command(program!, {
    args: [...args, "--no-check", "--output", output, source],
    stdout: "null",
    stderr: "null",
  });
  if (!(await command.output()).success) {
    throw new Error(`Cannot compile with ${program}: it failed`);
  }
  return output;
}

/** Milliseconds that a program takes, which must succeed. */
export async function timeOf(program: string, args: string[], env: Record<string, string>) {
  const start = performance.now();
  const command = new Deno.Command(program, { args, env, stdout: "null", stderr: "null" });
  if (!(await command.output()).success) throw new Error(`Cannot measure ${program}: it failed`);
  return performance.now() - start;
}

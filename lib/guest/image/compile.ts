/**
 * Compiles podvisor into one file that carries its guest: `deno run -A lib/guest/image/compile.ts`. Compiled twice: the
 * binary without a guest is the agent in the guest that the second one embeds.
 */
import { dirname, isAbsolute, join } from "@std/path";
import { Failure, messageOf } from "../../failure.ts";
import { sourceRoot } from "../../sys/mod.ts";
import { bundleProgram, compiledRuntime, GUEST_V8_FLAGS } from "./agent_runtime.ts";
import { buildGuest } from "./build.ts";
import { insertPayload } from "./compiled_binary.ts";
import { includedPayload } from "./embedded.ts";
import { packPayload } from "./payload.ts";

/** What the compiler is found by. */
export interface CompilerSearch {
  /** `DENO_COMPILE`: a command that takes the place of `deno compile`. */
  override: string | undefined;
  path: string;
  deno: string;
}

/** The command line that compiles: `DENO_COMPILE`, else `deno-compile` on PATH, else this runtime itself. */
export function findCompiler({ override, path, deno }: CompilerSearch): string[] {
  if (override !== undefined && override.trim() !== "") return override.trim().split(/\s+/);
  const found = path.split(":").filter(isAbsolute)
    .map((directory) => join(directory, "deno-compile")).find(isFile);
  return found === undefined ? [deno, "compile"] : [found];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/**
 * Compiles podvisor with its guest.
 *
 * @param output path of the binary
 * @param onStep told of each step
 * @throws {Failure} when the compiler, or something that the guest is made of, is missing
 */
export async function compile(output: string, onStep: (step: string) => void): Promise<void> {
  const compiler = findCompiler({
    override: Deno.env.get("DENO_COMPILE"),
    path: Deno.env.get("PATH") ?? "",
    deno: Deno.execPath(),
  });
  const temporary = await Deno.makeTempDir({ prefix: "podvisor-compile-" });
  try {
    const sources = join(sourceRoot(), "main.ts");
    onStep("bundling the modules");
    // Under emulation each module costs a guest's start milliseconds: a few large ones instead of all the small ones.
    const bundled = await bundleProgram(sources, join(temporary, "bundle"));
    onStep("compiling the agent");
    const agent = join(temporary, "podvisor");
    await runCompiler(compiler, bundled, agent, [GUEST_V8_FLAGS]);
    const guest = await buildGuest({
      cacheDir: temporary,
      runtime: compiledRuntime(agent),
      onStep,
    });
    onStep("packing the guest");
    const { kernel, initrd, image, busybox } = guest;
    const payload = await packPayload(guest.key, [kernel, initrd, image, busybox]);
    onStep("compiling podvisor");
    const binary = join(temporary, "binary");
    await runCompiler(compiler, bundled, binary);
    if (!await insertPayload(binary, payload) || !await runs(binary)) {
      await compileIncluding(compiler, binary, payload);
    }
    await Deno.mkdir(dirname(output), { recursive: true });
    await moveFile(binary, output);
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

/** Whether a binary starts. */
async function runs(binary: string): Promise<boolean> {
  const { success } = await new Deno.Command(binary, {
    args: ["--version"],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

/**
 * For a compiler whose binaries end in a way of their own. They start more slowly, since all of it is read then. From
 * the sources: an included file is found by its place beside them.
 */
async function compileIncluding(
  compiler: string[],
  binary: string,
  payload: Uint8Array,
): Promise<void> {
  const file = includedPayload();
  await Deno.mkdir(dirname(file), { recursive: true });
  await Deno.writeFile(file, payload);
  try {
    await runCompiler(compiler, join(sourceRoot(), "main.ts"), binary, ["--include", file]);
  } finally {
    await Deno.remove(file);
  }
}

/** Renames, also over the border of a file system, so that the old binary may be running meanwhile. */
async function moveFile(from: string, to: string): Promise<void> {
  const beside = `${to}.${crypto.randomUUID()}`;
  await Deno.copyFile(from, beside);
  await Deno.rename(beside, to);
}

/**
 * Compiles without a code cache: that would be a file in /tmp by a name that anybody can take before root does, and what
 * it holds is run. It would save a command less than a millisecond, and in a guest it would only be written.
 *
 * @throws {Failure} with the compiler's own complaint, or because there is no such compiler
 */
async function runCompiler(
  [program, ...args]: string[],
  entry: string,
  output: string,
  more: readonly string[] = [],
): Promise<void> {
  const root = sourceRoot();
  const command = new Deno.Command(program!, {
    args: [
      ...args,
      "--allow-all",
      "--no-check",
      "--no-code-cache",
      ...more,
      "--output",
      output,
      entry,
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  let result: Deno.CommandOutput;
  try {
    result = await command.output();
  } catch (error) {
    throw compilerFailure(program!, messageOf(error));
  }
  if (result.success) return;
  throw compilerFailure(program!, complaintOf(new TextDecoder().decode(result.stderr)));
}

/** The line that says what went wrong, and its causes; a trace may follow them. */
function complaintOf(text: string): string {
  const [message = ""] = text.split("Stack backtrace");
  const lines = message.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const start = lines.findIndex((line) => line.startsWith("error"));
  return start < 0 ? lines.at(-1) ?? "it failed without a word" : lines.slice(start).join(" ");
}

function compilerFailure(program: string, reason: string): Failure {
  return new Failure(`Cannot compile podvisor with ${program}: ${reason}`, {
    hint: "Name a working compiler with DENO_COMPILE",
  });
}

if (import.meta.main) {
  const say = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  try {
    const output = join(sourceRoot(), "dist/podvisor");
    await compile(output, say);
    const { size } = await Deno.stat(output);
    say(`${output}: ${(size / 1e6).toFixed(1)} MB`);
  } catch (error) {
    say(messageOf(error));
    if (error instanceof Failure && error.hint) say(error.hint);
    Deno.exit(1);
  }
}

/** Runs podvisor as its users do: as a program, in a state directory of the test's own. */
import { fromFileUrl, join } from "@std/path";
import { assertEquals } from "@std/assert";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** The command line of the podvisor under test: from source, or the binary that PODVISOR_BINARY names. */
export const PODVISOR: readonly string[] = (() => {
  const binary = Deno.env.get("PODVISOR_BINARY");
  if (binary) return [binary];
  return [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", join(ROOT, "main.ts")];
})();

/** What a finished program left. */
export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** How a program is run. */
export interface RunOptions {
  /** Bytes or text for its stdin. Default: none. */
  stdin?: string | Uint8Array | ReadableStream<Uint8Array>;
  env?: Record<string, string>;
  cwd?: string;
  /** Path of a network namespace to be in. Default: this process's own. */
  namespace?: string;
}

const decoder = new TextDecoder();

/** A place for one test's pods, with the means to see that nothing of them remains. */
export class Bench implements AsyncDisposable {
  private constructor(readonly state: string) {}

  static async make(): Promise<Bench> {
    return new Bench(await Deno.makeTempDir({ prefix: "pv-", dir: "/tmp" }));
  }

  /**
   * The environment that makes podvisor use this place. Pods are restored where there is a template of their shape, and
   * leave none behind; `PODVISOR_TEMPLATE=off` makes them boot.
   */
  get env(): Record<string, string> {
    return {
      PODVISOR_STATE: this.state,
      PODVISOR_TEMPLATE: Deno.env.get("PODVISOR_TEMPLATE") ?? "use",
    };
  }

  /** Runs podvisor to its end. */
  async podvisor(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const child = this.start(args, options);
    const { code, stdout, stderr } = await child.output();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Starts podvisor. */
  start(args: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
    const enter = options.namespace ? ["nsenter", `--net=${options.namespace}`] : [];
    const [program, ...first] = [...enter, ...PODVISOR];
    const child = new Deno.Command(program!, {
      args: [...first, ...args],
      env: { ...this.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdin: options.stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (options.stdin !== undefined) feed(child, options.stdin);
    return child;
  }

  /** What is left of pods in this place: processes, mounts, files. */
  async leftovers(): Promise<string[]> {
    const left: string[] = [];
    for await (const { name } of Deno.readDir("/proc")) {
      const line = /^\d+$/.test(name) ? await readIfThere(`/proc/${name}/cmdline`) : "";
      if (line.includes(this.state)) left.push(`process ${name}: ${line.replaceAll("\0", " ")}`);
    }
    for (const line of (await Deno.readTextFile("/proc/self/mountinfo")).split("\n")) {
      if (line.includes(this.state)) left.push(`mount ${line}`);
    }
    for await (const { name } of readDirIfThere(join(this.state, "pods"))) left.push(`pod ${name}`);
    return left;
  }

  /** Fails when anything of a pod is left. */
  async assertNothingLeft(): Promise<void> {
    assertEquals(await this.leftovers(), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await this.leftovers();
    for (const each of left) {
      const [, pid] = /^process (\d+)/.exec(each) ?? [];
      if (pid) kill(Number(pid));
    }
    await Deno.remove(this.state, { recursive: true });
  }
}

/** Waits until something holds, looking often; fails when it does not within the time. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  seconds = 60,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`Waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function feed(child: Deno.ChildProcess, stdin: NonNullable<RunOptions["stdin"]>): void {
  const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
  const stream = bytes instanceof Uint8Array ? ReadableStream.from([bytes]) : bytes;
  // The program may end without reading all of it.
  stream.pipeTo(child.stdin).catch(() => {});
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    return;
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

async function* readDirIfThere(path: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

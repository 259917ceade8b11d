/** The compiled binary as the benchmarks run it, in places of their own. */
import { fromFileUrl, join } from "@std/path";
import { compile } from "../../lib/guest/image/compile.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const BINARY = join(ROOT, "dist/podvisor");
const CLOCK_TICKS = 100;

/** A command that has written its first byte, and goes on. */
export interface Started {
  /** Milliseconds from its start to that byte. */
  milliseconds: number;
  pid: number;
  /** Closes its stdin, if that was open, and waits for its end. */
  finish(): Promise<void>;
}

/** Where pods and guests of the benchmarks are kept. */
export class Place implements AsyncDisposable {
  private constructor(readonly binary: string, readonly directory: string) {}

  /** Makes one, with a guest that is built; the binary is `PODVISOR_BINARY`, or the tree's own, brought up to date. */
  static async make(say: (line: string) => void): Promise<Place> {
    const named = Deno.env.get("PODVISOR_BINARY");
    if (!named && await isStale()) await compile(BINARY, say);
    await using undo = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "pv-", dir: "/tmp" });
    const place = undo.use(new Place(named || BINARY, directory));
    say("unpacking the guest");
    await (await place.start(["run", "busybox", "echo", "ready"])).finish();
    undo.move();
    return place;
  }

  get state(): string {
    return join(this.directory, "s");
  }

  get cache(): string {
    return join(this.directory, "cache");
  }

  /** The kernel that pods here boot. */
  kernel(): string {
    for (const { name, isDirectory } of Deno.readDirSync(join(this.cache, "guest"))) {
      if (isDirectory) return join(this.cache, "guest", name, "vmlinux");
    }
    throw new Error(`Cannot find a guest in ${this.cache}: there is none`);
  }

  /** Starts the binary and waits for the first byte of its stdout. */
  async start(
    args: readonly string[],
    options: { env?: Record<string, string>; stdin?: boolean } = {},
  ): Promise<Started> {
    const start = performance.now();
    const child = new Deno.Command(this.binary, {
      args: [...args],
      env: this.env(options.env),
      stdin: options.stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    const { done } = await reader.read();
    const milliseconds = performance.now() - start;
    if (done) throw new Error(`podvisor ${args.join(" ")} wrote nothing`);
    return {
      milliseconds,
      pid: child.pid,
      finish: async () => {
        if (options.stdin) await child.stdin.close();
        while (!(await reader.read()).done);
        const { code } = await child.status;
        if (code !== 0) throw new Error(`podvisor ${args.join(" ")} ended with ${code}`);
      },
    };
  }

  /** Pods boot, and leave no template behind, unless `more` says otherwise. */
  env(more: Record<string, string> = {}): Record<string, string> {
    return {
      PODVISOR_STATE: this.state,
      PODVISOR_CACHE: this.cache,
      PODVISOR_TEMPLATE: "off",
      ...more,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** VM and proxy of the one pod in a place, by its record. */
export function podProcesses(place: Place): { qemu: number; proxy: number } {
  for (const { name } of Deno.readDirSync(join(place.state, "pods"))) {
    const record = JSON.parse(Deno.readTextFileSync(join(place.state, "pods", name, "pod.json")));
    return { qemu: record.vm.process.pid, proxy: record.proxy.process.pid };
  }
  throw new Error("Cannot find the processes of the pod: there is none");
}

/** Processor time that a process has used so far, in milliseconds (proc(5), stat). */
export function processorTime(pid: number): number {
  return sumOfTimes(pid, 11);
}

/** The same for all children of this process that have ended. */
export function processorTimeOfChildren(): number {
  return sumOfTimes(Deno.pid, 13);
}

function sumOfTimes(pid: number, field: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[field]) + Number(fields[field + 1])) * 1000 / CLOCK_TICKS;
}

async function isStale(): Promise<boolean> {
  const built = await modified(BINARY);
  const sources = [join(ROOT, "main.ts"), join(ROOT, "deno.json")];
  for await (const path of walk(join(ROOT, "lib"))) sources.push(path);
  const times = await Promise.all(sources.map(modified));
  return times.some((time) => time > built);
}

async function modified(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

async function* walk(directory: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory) yield* walk(path);
    else yield path;
  }
}

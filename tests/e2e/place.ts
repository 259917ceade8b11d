/** Where an engine's test happens: directories, a network and a runtime of its own, of which nothing may be left. */
import { join } from "@std/path";
import { Bench, PODVISOR } from "../harness/podvisor.ts";

const decoder = new TextDecoder();
/** What the runtime needs of its environment: engines give it next to none. */
const PASSED = ["PATH", "HOME", "DENO_DIR", "PODVISOR_CACHE"];
/** The programs of the image, all of them busybox. */
const APPLETS =
  "sh ls cat echo sleep id uname hostname touch mkdir rm true false env wget ip tty stty httpd " +
  "grep wc kill ps mount head dd tail test printf nc";

/** What a finished command left. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** A directory for an engine, and a network namespace in which it makes its bridges and rules. */
export class Place implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly #before: readonly string[];

  private constructor(readonly path: string, readonly bench: Bench, readonly namespace: string) {
    this.#before = outside();
  }

  static async make(): Promise<Place> {
    const path = await Deno.makeTempDir({ prefix: "pve-", dir: "/tmp" });
    const namespace = `pve-${path.slice(-8)}`;
    await run(["ip", "netns", "add", namespace]);
    const place = new Place(path, await Bench.make(), `/run/netns/${namespace}`);
    place.#resources.defer(() => Deno.remove(path, { recursive: true }));
    place.#resources.use(place.bench);
    place.#resources.defer(async () => void await run(["ip", "netns", "del", namespace]));
    await run(place.inside(["ip", "link", "set", "lo", "up"]));
    await place.#writeRuntime();
    return place;
  }

  /** The program that engines take for a runtime. */
  get runtime(): string {
    return this.file("podvisor");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** A command line that runs in the place's network. */
  inside(command: readonly string[]): string[] {
    return ["/usr/bin/nsenter", `--net=${this.namespace}`, ...command];
  }

  /** A tar archive of a root file system with busybox. */
  async rootArchive(): Promise<string> {
    const archive = this.file("root.tar");
    const root = await this.root();
    await run(["tar", "-C", root, "-cf", archive, "."]);
    return archive;
  }

  /** A root file system with busybox. */
  async root(): Promise<string> {
    const root = this.file("root");
    for (const name of ["bin", "etc", "tmp", "root", "proc", "sys", "dev", "var"]) {
      await Deno.mkdir(join(root, name), { recursive: true });
    }
    await Deno.chmod(join(root, "tmp"), 0o1777);
    await Deno.copyFile("/bin/busybox", join(root, "bin/busybox"));
    for (const applet of APPLETS.split(" ")) {
      await Deno.symlink("busybox", join(root, "bin", applet)).catch(() => {});
    }
    await Deno.writeTextFile(join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
    await Deno.writeTextFile(join(root, "etc/group"), "root:x:0:\n");
    return root;
  }

  /** What is left of containers: of podvisor's, and of what engines and runtimes make on the host. */
  async leftovers(): Promise<string[]> {
    return [
      ...await this.bench.leftovers(),
      ...outside().filter((each) => !this.#before.includes(each)),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #writeRuntime(): Promise<void> {
    const variables = { ...this.bench.env, ...Object.fromEntries(passed()) };
    const lines = Object.entries(variables).map(([name, value]) =>
      `export ${name}=${quote(value)}`
    );
    const command = PODVISOR.map(quote).join(" ");
    const script = ["#!/bin/sh", ...lines, `exec ${command} "$@"`, ""].join("\n");
    await Deno.writeTextFile(this.runtime, script, { mode: 0o755 });
  }
}

/** Runs a command to its end. */
export async function tryRun(
  [program, ...args]: readonly string[],
  options: { stdin?: string; env?: Record<string, string>; cwd?: string } = {},
): Promise<Ended> {
  const { stdin, ...rest } = options;
  const child = new Deno.Command(program!, {
    args,
    ...rest,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a command that must succeed, and returns what it printed. */
export async function run(
  command: readonly string[],
  options: Parameters<typeof tryRun>[1] = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryRun(command, options);
  if (code === 0) return stdout;
  throw new Error(`${command.join(" ")} ended with ${code}: ${stdout}${stderr}`);
}

function passed(): [string, string][] {
  return PASSED.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as [string, string]];
  });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What runtimes and engines could leave on the host: control groups of containers, named network namespaces. */
function outside(): string[] {
  return [...containerGroups(), ...names("/run/netns").filter((each) => !each.startsWith("pve-"))];
}

/** podman's by this prefix, containerd's by the name of the tests' namespace; in version 2 the mount is the hierarchy. */
function containerGroups(): string[] {
  return [".", ...names("/sys/fs/cgroup")].flatMap((hierarchy) =>
    [
      ...groups(`/sys/fs/cgroup/${hierarchy}/libpod_parent`).filter((each) =>
        each.startsWith("libpod-")
      ),
      ...groups(`/sys/fs/cgroup/${hierarchy}/pve`),
    ].map((each) => `control group ${hierarchy}: ${each}`)
  );
}

/** The control groups in one: the engines' own may stay. */
function groups(directory: string): string[] {
  return entries(directory).filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}

function names(directory: string): string[] {
  return entries(directory).map(({ name }) => name);
}

function entries(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch {
    return [];
  }
}

import { basename, dirname, fromFileUrl, join } from "@std/path";
import { Failure } from "../../failure.ts";
import { sourceRoot } from "../../sys/mod.ts";

/** How the agent gets into the guest, and how it is started there. */
export interface AgentRuntime {
  /** Program on this host. */
  executable: string;
  /** Where the program is in the guest. */
  target: string;
  /** Command line in the guest, the program first. */
  command: string[];
  /** Further files for the guest, by path there. */
  files(): Promise<Map<string, Uint8Array<ArrayBuffer>>>;
  /** Files on this host that the agent is made of, beside the program. */
  sources(): Promise<string[]>;
}

/** Options of V8 for the agent. */
const V8_FLAGS = [
  // Its start is code that runs once: the quick compilers only delay it, by a tenth under emulation. What runs long is
  // still optimised.
  "--no-sparkplug",
  "--no-maglev",
  // What has been warmed up for a template stays so, and the optimiser does not set in right after a restore, where
  // everything that runs once costs twice.
  "--no-flush-bytecode",
  // What runs once before a template is saved has learned then what it works on: later it goes the short way.
  "--no-lazy-feedback-allocation",
  // With a tenth of these it set in within the second container after a restore, which is a spare's first, and took a
  // fifth of a second of it.
  "--invocation-count-for-turbofan=300000",
  "--invocation-count-for-osr=50000",
  // Room for new objects, in MiB, of which is taken what is used. With V8's own choice for a small machine the first
  // collections would fall into the first containers' starts.
  "--min-semi-space-size=16",
  "--max-semi-space-size=16",
];

/** Option of the runtime for the agent. */
export const GUEST_V8_FLAGS = `--v8-flags=${V8_FLAGS.join()}`;

/**
 * The agent as this very podvisor has it: the compiled binary itself, or, run from source, the runtime with the agent's
 * modules bundled into one file.
 */
export function agentRuntime(): AgentRuntime {
  return Deno.build.standalone
    ? compiledRuntime(Deno.execPath())
    : sourceRuntime(join(sourceRoot(), "lib/guest/agent/main.ts"));
}

/** The agent in a compiled podvisor. */
export function compiledRuntime(executable: string): AgentRuntime {
  return {
    executable,
    target: "/bin/podvisor",
    command: ["/bin/podvisor", "guest"],
    files: () => Promise.resolve(new Map()),
    sources: () => Promise.resolve([]),
  };
}

/**
 * The agent as TypeScript modules.
 *
 * @param entry path of the module that is run
 */
export function sourceRuntime(entry: string): AgentRuntime {
  return {
    executable: Deno.execPath(),
    target: "/bin/deno",
    command: [
      "/bin/deno",
      "run",
      "-A",
      GUEST_V8_FLAGS,
      "--no-config",
      "--no-lock",
      "--no-npm",
      "--cached-only",
      "/agent.js",
    ],
    files: async () => new Map([["/agent.js", await bundle(entry)]]),
    sources: async () => [...await localModules(entry), ...ownSources()],
  };
}

/** The modules that build the image: when they change, so may the image. */
function ownSources(): string[] {
  const here = dirname(fromFileUrl(import.meta.url));
  return [...Deno.readDirSync(here)].map((entry) => join(here, entry.name));
}

/** Makes one file of a module and everything that it imports. */
async function bundle(entry: string): Promise<Uint8Array<ArrayBuffer>> {
  const directory = Deno.makeTempDirSync({ prefix: "podvisor-bundle-" });
  try {
    const output = join(directory, "agent.js");
    await runDeno("bundle the agent", ["bundle", "--quiet", "--minify", "--output", output, entry]);
    return Deno.readFileSync(output);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/**
 * Makes as few modules as possible of a program, one more for each that is loaded only when needed.
 *
 * @param entry its first module
 * @param directory where to put them
 * @returns path of the first one
 * @throws {Failure} when the bundler cannot be had
 */
export async function bundleProgram(entry: string, directory: string): Promise<string> {
  const options = ["--quiet", "--minify", "--code-splitting", "--outdir", directory];
  await runDeno("bundle podvisor", ["bundle", ...options, entry]);
  return join(directory, basename(entry).replace(/\.ts$/, ".js"));
}

/** The modules of this project that `entry` consists of. */
async function localModules(entry: string): Promise<string[]> {
  const output = await runDeno("list the agent's modules", ["info", "--json", entry]);
  const graph = JSON.parse(new TextDecoder().decode(output)) as { modules: { local?: string }[] };
  return graph.modules.map((module) => module.local).filter((path) => path !== undefined);
}

async function runDeno(what: string, [subcommand, ...args]: string[]): Promise<Uint8Array> {
  const config = join(sourceRoot(), "deno.json");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [subcommand!, "--config", config, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  if (success) return stdout;
  const text = new TextDecoder().decode(stderr).trim();
  throw new Failure(
    `Cannot ${what}: ${text.split("\n").find((line) => /^error/.test(line)) ?? text}`,
    {
      hint: "The bundler comes from the npm registry the first time: check that it can be reached",
    },
  );
}

import { Failure } from "../../failure.ts";
import type { Command } from "../../agent/mod.ts";
import type { ContainerConfig } from "../../pod/mod.ts";
import { type Fd, O_DIRECTORY, O_PATH, open, openInRoot, SysError } from "../../sys/mod.ts";

/** Search path of a process whose environment has none (execvp(3)). */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * What engines are told of a program that cannot be run: they tell the two cases apart by these words.
 *
 * @param exitCode 127: it is not there; 126: it cannot be executed
 */
export function programFailure(program: string, exitCode: 126 | 127): Failure {
  const absent = program.includes("/")
    ? "no such file or directory"
    : "executable file not found in $PATH";
  const why = exitCode === 127 ? absent : "permission denied";
  return new Failure(
    `unable to start container process: exec: ${JSON.stringify(program)}: ${why}`,
    { exitCode },
  );
}

/**
 * Refuses a container whose program is not in its root file system, or is nothing that could be executed. Engines
 * expect that of `create`, before anything runs. What the guest alone can see is left to it.
 *
 * @throws {Failure} in words that engines look for, with exit code 126 or 127
 */
export function checkProgram({ root, command, volumes, details }: ContainerConfig): void {
  const program = command.args[0] ?? "";
  const mounted = [
    ...volumes.map(({ destination }) => destination),
    ...(details?.mounts ?? []).map(({ path }) => path),
  ];
  if (root.kind !== "directory") return;
  const search = command.env.find(({ env }) => env === "PATH")?.value ?? DEFAULT_PATH;
  const candidates = program.includes("/")
    ? [program.startsWith("/") ? program : `${command.cwd}/${program}`]
    : search.split(":").map((directory) => `${directory || "."}/${program}`);
  // What is mounted over the root file system is not looked into, nor is a program that is mounted there: an init.
  if (candidates.some((path) => mounted.some((each) => `${path}/`.startsWith(`${each}/`)))) return;
  using tree = open(root.path, O_PATH | O_DIRECTORY);
  const found = candidates.map((path) => judge(tree, path));
  if (found.includes("executable")) return;
  throw programFailure(program, found.includes("other") ? 126 : 127);
}

function judge(tree: Fd, path: string): "executable" | "other" | "absent" {
  let file: Fd;
  try {
    file = openInRoot(tree.number, path, O_PATH);
  } catch (error) {
    if (error instanceof SysError) return "absent";
    throw error;
  }
  using _file = file;
  const { isFile, mode } = Deno.statSync(`/proc/self/fd/${file.number}`);
  return isFile && ((mode ?? 0) & 0o111) !== 0 ? "executable" : "other";
}

/** Does something that starts a process, and tells a program that cannot be run in the words of engines. */
export async function toldAsProgramFailure<T>(
  { args }: Pick<Command, "args">,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { exitCode } = error;
    if (exitCode !== 126 && exitCode !== 127) throw error;
    throw programFailure(args[0] ?? "", exitCode);
  }
}

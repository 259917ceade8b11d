import { Failure } from "../failure.ts";

/** The command that installs packages. */
export function installCommand(packages: readonly string[]): string[] {
  return ["apt-get", "install", "--yes", "--no-install-recommends", ...packages];
}

/**
 * Installs packages of the distribution.
 *
 * @throws {Failure} with the end of what apt-get printed
 */
export async function installPackages(packages: readonly string[]): Promise<void> {
  await run(["apt-get", "update"]);
  await run(installCommand(packages));
}

async function run(command: readonly string[]): Promise<void> {
  const [program, ...args] = command;
  const shown = command.join(" ");
  const { success, stdout, stderr } = await new Deno.Command(program!, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output().catch((cause) => {
    throw new Failure(`Cannot run ${shown}: apt-get is not there`, { cause });
  });
  if (success) return;
  const decoder = new TextDecoder();
  const lines = (decoder.decode(stdout) + decoder.decode(stderr)).trim().split("\n");
  throw new Failure(`Cannot install packages: ${shown} failed: ${lines.slice(-3).join(" | ")}`, {
    hint: `Run it by hand: ${shown}`,
  });
}

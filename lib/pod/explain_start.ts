import type { Command } from "../agent/mod.ts";
import { Failure, messageOf } from "../failure.ts";
import { startFailureExitCode } from "../hyperstart/mod.ts";

/** What to tell of a process that the guest did not start; a program that is missing has an exit code of its own. */
export function explainStart(error: unknown, command: Command): Failure {
  const exitCode = startFailureExitCode(messageOf(error));
  if (exitCode === undefined) {
    return new Failure(`Cannot start the process: ${messageOf(error)}`, { cause: error });
  }
  const why = exitCode === 127
    ? "it is not found in the root file system"
    : "it cannot be executed";
  const program = JSON.stringify(command.args[0]);
  return new Failure(`Cannot run ${program}: ${why}`, { cause: error, exitCode });
}

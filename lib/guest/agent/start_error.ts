import { startFailureMessage } from "../../hyperstart/mod.ts";
import { ENOENT, SysError } from "../../sys/mod.ts";
import { Refusal } from "./runtime.ts";

/** Exit codes of shells for a program that is not there, and for one that cannot be executed. */
const NOT_FOUND = 127, NOT_EXECUTABLE = 126;

/** How a process ends whose program could not be executed, after its start has been reported. */
export interface LateFailure {
  exitCode: number;
  /** What its stderr gets: one line. */
  text: string;
}

/**
 * What the host is told when a process could not be started. Only the program itself and its working directory get the
 * error number that hosts make an exit code of.
 *
 * @param program `args[0]` as it was asked for
 * @param doing what else failed, such as `Container a could not be created`
 */
export function startError(error: unknown, program: string, doing: string): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof SysError && isOfProgram(error)) {
    return new Refusal(startFailureMessage(textOf(error, program), error.code));
  }
  return new Refusal(`${doing}: ${error instanceof Error ? error.message : String(error)}`);
}

/** What becomes of a process that goes on and then cannot execute its program. */
export function lateFailure(error: SysError, program: string): LateFailure {
  const absent = isOfProgram(error) && error.errno === ENOENT;
  return {
    exitCode: absent ? NOT_FOUND : NOT_EXECUTABLE,
    text: `podvisor: cannot start the process: ${textOf(error, program)}`,
  };
}

/** Whether it is the program or its working directory that will not do. */
function isOfProgram({ call }: SysError): boolean {
  return ["execve", "chdir"].includes(call);
}

function textOf({ call, errno, message }: SysError, program: string): string {
  if (call === "execve" && !program.includes("/") && errno === ENOENT) {
    return `exec ${program}: executable file not found in $PATH`;
  }
  return message.replace(/ \(E[A-Z0-9]+\)$/, "").replace(/^execve /, "exec ");
}

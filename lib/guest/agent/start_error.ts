import { startFailureMessage } from "../../hyperstart/mod.ts";
import { ENOENT, SysError } from "../../sys/mod.ts";
import { Refusal } from "./runtime.ts";

/**
 * What the host is told when a process could not be started. Only the program itself and its working directory get the
 * error number that hosts make an exit code of.
 *
 * @param program `args[0]` as it was asked for
 * @param doing what else failed, such as `Container a could not be created`
 */
export function startError(error: unknown, program: string, doing: string): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof SysError && ["execve", "chdir"].includes(error.call)) {
    const text = error.message.replace(/ \(E[A-Z0-9]+\)$/, "").replace(/^execve /, "exec ");
    const bare = error.call === "execve" && !program.includes("/") && error.errno === ENOENT;
    const told = bare ? `exec ${program}: executable file not found in $PATH` : text;
    return new Refusal(startFailureMessage(told, error.code));
  }
  return new Refusal(`${doing}: ${error instanceof Error ? error.message : String(error)}`);
}

import type { Command as Program } from "../../agent/mod.ts";
import { Failure, messageOf } from "../../failure.ts";
import { readProcess } from "../../oci/mod.ts";
import { execProcess } from "../../oci/runtime/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { changeCommand, COMMAND_OPTIONS } from "../container_options.ts";
import { engineContext } from "../engine_context.ts";
import { PROCESS_OPTIONS, readProcessOptions } from "../engine_options.ts";
import type { ParsedOptions } from "../options.ts";
import { SignalRelay } from "../signal_relay.ts";

/** Exit code when the process could not be started at all. */
const EXEC_FAILED = 255;

/** `podvisor exec`. */
export const exec: Command = {
  usage: "[options] ID [COMMAND [ARG…]]",
  description:
    "Runs a further process in a container that an engine has made. What it is comes from a file with the\n" +
    "process of an OCI configuration, or from the command line and the container's own.",
  options: [
    { name: "process", short: "p", kind: "value", placeholder: "FILE", help: "What to run" },
    ...PROCESS_OPTIONS,
    { name: "detach", short: "d", kind: "flag", help: "Do not wait for its end" },
    { name: "tty", short: "t", kind: "flag", help: "Give it a terminal" },
    { name: "cwd", kind: "value", placeholder: "DIR", help: "Directory to start in" },
    ...COMMAND_OPTIONS.filter(({ name }) => name === "user" || name === "env"),
    {
      name: "additional-gids",
      short: "g",
      kind: "list",
      placeholder: "GID",
      help: "Further groups",
    },
    { name: "no-new-privs", kind: "flag", help: "It cannot get privileges that it has not" },
    { name: "cap", short: "c", kind: "list", placeholder: "CAP", help: "A further capability" },
    {
      name: "ignore-paused",
      kind: "flag",
      help: "Accepted: a container that stands still runs nothing",
    },
    { name: "cgroup", kind: "list", placeholder: "PATH", help: "Accepted, without effect" },
    { name: "apparmor", kind: "value", placeholder: "NAME", help: "Accepted, without effect" },
    {
      name: "process-label",
      kind: "value",
      placeholder: "LABEL",
      help: "Accepted, without effect",
    },
  ],
  takesCommand: true,
  operands: [1, Infinity],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    const [id = "", ...args] = options.operands;
    using relay = new SignalRelay();
    try {
      const file = options.value("process");
      const given = file === undefined ? undefined : await readProcess(file);
      if (given === undefined && args.length === 0) {
        throw new Failure(`Cannot run a process in ${id}: none is given`);
      }
      return await execProcess(await engineContext(context), {
        id,
        command: (own) => given ?? commandOf(own, args, options),
        detach: options.flag("detach"),
        ...readProcessOptions(options),
        onStarted: (signal) => relay.sendTo(signal),
        signal: relay.abort,
      });
    } catch (error) {
      throw execFailure(error);
    }
  },
};

/** As runc does it: 1 could be the process's own code. */
function execFailure(error: unknown): Failure {
  const exitCode = error instanceof Failure ? error.exitCode : EXEC_FAILED;
  return new Failure(`exec failed: ${messageOf(error)}`, {
    cause: error,
    exitCode: exitCode === 126 || exitCode === 127 ? exitCode : EXEC_FAILED,
    ...(error instanceof Failure && error.hint !== undefined ? { hint: error.hint } : {}),
  });
}

function commandOf(own: Program, args: string[], options: ParsedOptions): Program {
  const terminal = options.flag("tty");
  const command: Program = { ...own, args, terminal, size: null, env: [...own.env] };
  changeCommand(command, options);
  const cwd = options.value("cwd");
  if (cwd !== undefined) command.cwd = cwd;
  command.additionalGroups.push(...options.list("additional-gids"));
  if (options.flag("no-new-privs")) command.noNewPrivileges = true;
  const further = options.list("cap");
  if (further.length > 0 && command.capabilities) {
    const { bounding, effective, permitted } = command.capabilities;
    for (const set of [bounding, effective, permitted]) set.push(...further);
  }
  return command;
}

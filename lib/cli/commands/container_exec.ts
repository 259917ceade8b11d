import { Failure } from "../../failure.ts";
import { execInContainer, findContainer, loadPod } from "../../pod/mod.ts";
import { attachToEnd } from "../attach_to_end.ts";
import type { Command, CommandContext } from "../command.ts";
import { changeCommand, COMMAND_OPTIONS } from "../container_options.ts";
import { findTarget, POD_OPTION } from "../find_target.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { makePodTools } from "../pod_tools.ts";
import { SignalRelay } from "../signal_relay.ts";
import { TRACE_OPTION, traced } from "../trace_option.ts";

/** `podvisor container exec`. */
export const exec: Command = {
  usage: "[options] NAME COMMAND [ARG…]",
  description:
    "Runs a further command in a running container, and ends with its exit code. Environment, directory,\n" +
    "user and capabilities are the container's own unless the options say otherwise.",
  options: [...COMMAND_OPTIONS, POD_OPTION, TRACE_OPTION, ...LOG_OPTIONS],
  takesCommand: true,
  operands: [2, Infinity],
  async run(context: CommandContext): Promise<number> {
    applyLogOptions(context.options);
    return await traced(context.options, "container exec", () => execForeground(context));
  },
};

async function execForeground(context: CommandContext): Promise<number> {
  const { paths, options } = context;
  const [name, ...args] = options.operands;
  const { pod, id } = await findTarget(context, name!);
  using relay = new SignalRelay();
  const terminal = options.flag("tty");
  const result = await execInContainer(makePodTools(paths), {
    pod,
    container: id,
    command: (own) => {
      const command = { ...own, args, terminal, size: null, env: [...own.env] };
      changeCommand(command, options);
      return command;
    },
    streams: { interactive: options.flag("interactive"), terminal },
    onStarted: (signal) => relay.sendTo(signal),
    signal: relay.abort,
  });
  if (result.kind === "exited") return result.code;
  throw new Failure(`Cannot tell how the command in ${id} ended: ${result.reason}`);
}

/** `podvisor container attach`. */
export const attach: Command = {
  usage: "[options] NAME",
  description:
    "Joins a running container's streams, and ends with its exit code. What it printed before is in its logs.",
  options: [
    { name: "no-stdin", kind: "flag", help: "Do not pass stdin on" },
    POD_OPTION,
    ...LOG_OPTIONS,
  ],
  operands: [1, 1],
  async run(context: CommandContext): Promise<number> {
    const { paths, options } = context;
    applyLogOptions(options);
    const target = await findTarget(context, options.operands[0]!);
    const tools = makePodTools(paths);
    const { state } = findContainer(await loadPod(tools.store, target.pod), target.id);
    if (state !== "running") {
      throw new Failure(
        `Cannot attach to the container ${target.id}: it is ${state}, and must be running`,
      );
    }
    return await attachToEnd(tools, target, options);
  },
};

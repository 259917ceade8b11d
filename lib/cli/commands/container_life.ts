import { Failure } from "../../failure.ts";
import {
  checkName,
  type ContainerRecord,
  createContainer,
  findContainer,
  killContainer,
  loadPod,
  makeName,
  PodStore,
  removeContainer,
  startContainer,
  stopContainer,
} from "../../pod/mod.ts";
import { parseSignal } from "../../sys/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { CONTAINER_OPTIONS, readContainerOptions } from "../container_options.ts";
import { attachToEnd } from "../attach_to_end.ts";
import { findTarget, POD_OPTION, type Target } from "../find_target.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import type { OptionSpec } from "../options.ts";
import { print } from "../output.ts";
import { type CommandTools, makePodTools } from "../pod_tools.ts";
import { resolveRoot } from "../resolve_root.ts";

const JSON_OPTION: OptionSpec = {
  name: "json",
  kind: "flag",
  help: "Print the container's record as JSON",
};

const NEW_CONTAINER: readonly OptionSpec[] = [
  { name: "pod", kind: "value", placeholder: "NAME", help: "The pod to make it in" },
  { name: "name", kind: "value", placeholder: "NAME", help: "Name of the container" },
  ...CONTAINER_OPTIONS,
  JSON_OPTION,
  ...LOG_OPTIONS,
];

/** How long `container stop` waits by default, in seconds. */
const GRACE = 10;
const MAX_GRACE = 86_400;

/** `podvisor container create`. */
export const create: Command = {
  usage: "--pod NAME [options] ROOTFS [COMMAND [ARG…]]",
  description: "Makes a container in a pod that is up, and prints its name.",
  options: NEW_CONTAINER,
  takesCommand: true,
  operands: [1, Infinity],
  async run(context: CommandContext): Promise<number> {
    applyLogOptions(context.options);
    const { target, tools } = await make(context);
    await tell(context, tools, target);
    return 0;
  },
};

/** `podvisor container run`. */
export const run: Command = {
  usage: "--pod NAME [options] ROOTFS [COMMAND [ARG…]]",
  description:
    "Makes a container in a pod and starts it. With --detach it prints the container's name; otherwise its\n" +
    "streams are this command's, and its exit code too.",
  options: [
    { name: "detach", short: "d", kind: "flag", help: "Let it run on its own" },
    { name: "rm", kind: "flag", help: "Remove it when it has ended" },
    ...NEW_CONTAINER,
  ],
  takesCommand: true,
  operands: [1, Infinity],
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    applyLogOptions(options);
    if (options.flag("detach") && options.flag("rm")) {
      throw new Failure("Cannot use --detach and --rm together");
    }
    const { target, tools } = await make(context);
    const { pod, id } = target;
    if (options.flag("detach")) {
      await startContainer(tools, pod, id);
      await tell(context, tools, target);
      return 0;
    }
    try {
      return await attachToEnd(tools, target, options, () => startContainer(tools, pod, id));
    } finally {
      if (options.flag("rm")) await removeContainer(tools, pod, id, true);
    }
  },
};

/** `podvisor container start`. */
export const start = containerCommand(
  "Starts a container that is ready, or one that has stopped anew.",
  [],
  async (_, tools, { pod, id }) => await startContainer(tools, pod, id),
);

/** `podvisor container stop`. */
export const stop = containerCommand(
  "Stops a container: SIGTERM to its first process, and SIGKILL to all that are left after a while.",
  [{
    name: "time",
    kind: "value",
    placeholder: "SECONDS",
    help: `How long they may take. Default: ${GRACE}`,
  }],
  async ({ options }, tools, { pod, id }) => {
    const seconds = options.integer("time", 0, MAX_GRACE) ?? GRACE;
    return await stopContainer(tools, pod, id, seconds * 1000);
  },
);

/** `podvisor container kill`. */
export const kill: Command = {
  usage: "[options] NAME [SIGNAL]",
  description:
    "Signals a container's first process, with SIGTERM or the signal given by name or number. A container\n" +
    "that is only ready has no process yet: its shim gets the signal.",
  options: [
    { name: "all", short: "a", kind: "flag", help: "Signal all of its processes" },
    POD_OPTION,
    ...LOG_OPTIONS,
  ],
  operands: [1, 2],
  async run(context: CommandContext): Promise<number> {
    const { paths, options } = context;
    applyLogOptions(options);
    const [name, text = "TERM"] = options.operands;
    const signal = parseSignal(text);
    if (signal === undefined) {
      throw new Failure(
        `Cannot send the signal ${JSON.stringify(text)}: there is none of that name`,
      );
    }
    const { pod, id } = await findTarget(context, name!);
    await killContainer(makePodTools(paths), pod, id, signal, options.flag("all"));
    return 0;
  },
};

/** `podvisor container rm`. */
export const remove: Command = {
  usage: "[--force] NAME…",
  description: "Removes containers that are ready or have stopped.",
  options: [
    { name: "force", short: "f", kind: "flag", help: "End them first" },
    POD_OPTION,
    ...LOG_OPTIONS,
  ],
  operands: [1, Infinity],
  async run(context: CommandContext): Promise<number> {
    const { paths, options } = context;
    applyLogOptions(options);
    const tools = makePodTools(paths);
    for (const name of options.operands) {
      const { pod, id } = await findTarget(context, name);
      await removeContainer(tools, pod, id, options.flag("force"));
    }
    return 0;
  },
};

async function make(context: CommandContext): Promise<{ target: Target; tools: CommandTools }> {
  const { paths, config: configured, options } = context;
  const pod = options.value("pod");
  if (pod === undefined) {
    throw new Failure("Cannot make a container: its pod is not given", {
      hint: "Name it with --pod, or make one for this command alone with podvisor run",
    });
  }
  checkName("pod", pod);
  const id = checkName("container", options.value("name") ?? makeName());
  const request = await readContainerOptions(options, options.operands, configured);
  await new PodStore(paths.state).readPod(pod);
  const tools = makePodTools(paths);
  const config = await resolveRoot(request, paths, () => tools.busybox());
  await createContainer(tools, pod, id, config);
  return { target: { pod, id }, tools };
}

/** A command that does one thing to one container, and tells the container's record if asked to. */
function containerCommand(
  description: string,
  more: readonly OptionSpec[],
  act: (context: CommandContext, tools: CommandTools, target: Target) => Promise<ContainerRecord>,
): Command {
  return {
    usage: "[options] NAME",
    description,
    options: [...more, POD_OPTION, JSON_OPTION, ...LOG_OPTIONS],
    operands: [1, 1],
    async run(context: CommandContext): Promise<number> {
      const { paths, options } = context;
      applyLogOptions(options);
      const target = await findTarget(context, options.operands[0]!);
      const record = await act(context, makePodTools(paths), target);
      if (options.flag("json")) print(JSON.stringify(record) + "\n");
      return 0;
    },
  };
}

async function tell(
  { options }: CommandContext,
  { store }: CommandTools,
  { pod, id }: Target,
): Promise<void> {
  const record = findContainer(await loadPod(store, pod), id);
  print(options.flag("json") ? JSON.stringify(record) + "\n" : `${id}\n`);
}

import {
  checkName,
  createPod,
  listPods,
  loadPod,
  pausePod,
  PodStore,
  type PodSummary,
  type PodTools,
  removePod,
  resumePod,
  startPod,
  stopPod,
} from "../../pod/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import type { OptionSpec } from "../options.ts";
import { print } from "../output.ts";
import { POD_OPTIONS, readPodOptions } from "../pod_options.ts";
import { makePodTools } from "../pod_tools.ts";
import { SignalRelay } from "../signal_relay.ts";
import { age, table } from "../table.ts";
import { TRACE_OPTION, traced } from "../trace_option.ts";

const JSON_OPTION: OptionSpec = {
  name: "json",
  kind: "flag",
  help: "Print the pod's record as JSON",
};

/** `podvisor pod create`. */
export const create = podCommand(
  "Makes a pod that lasts until it is removed, and boots its VM. It is ready for containers then.",
  POD_OPTIONS,
  async ({ options, config }, tools, name) => {
    using relay = new SignalRelay();
    const asked = await readPodOptions(options, name, config);
    return await createPod(tools, name, asked, relay.abort);
  },
);

/** `podvisor pod run`. */
export const run = podCommand(
  "Makes a pod and starts it.",
  [...POD_OPTIONS, TRACE_OPTION],
  async ({ options, config }, tools, name) => {
    using relay = new SignalRelay();
    const asked = await readPodOptions(options, name, config);
    return await traced(options, "pod run", async () => {
      await createPod(tools, name, asked, relay.abort);
      return await startPod(tools, name, relay.abort);
    });
  },
);

/** `podvisor pod start`. */
export const start = podCommand(
  "Starts a pod and its containers. A stopped pod is booted anew.",
  [TRACE_OPTION],
  async ({ options }, tools, name) => {
    using relay = new SignalRelay();
    return await traced(options, "pod start", () => startPod(tools, name, relay.abort));
  },
);

/** `podvisor pod stop`. */
export const stop = podCommand(
  "Stops a pod: its containers, then its VM.",
  [],
  async (_, tools, name) => await stopPod(tools, name),
);

/** `podvisor pod pause`. */
export const pause = podCommand(
  "Makes a pod stand still, with all that runs in it.",
  [],
  async (_, tools, name) => await pausePod(tools, name),
);

/** `podvisor pod resume`. */
export const resume = podCommand(
  "Lets a paused pod go on.",
  [],
  async (_, tools, name) => await resumePod(tools, name),
);

/** `podvisor pod rm`. */
export const remove: Command = {
  usage: "[--force] NAME…",
  description: "Removes pods with all that they have. A running one must be stopped first.",
  options: [
    { name: "force", short: "f", kind: "flag", help: "Stop them first; remove broken ones too" },
    ...LOG_OPTIONS,
  ],
  operands: [1, Infinity],
  async run({ paths, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const tools = makePodTools(paths);
    for (const name of options.operands) await removePod(tools, name, options.flag("force"));
    return 0;
  },
};

/** `podvisor pod list`. */
export const list: Command = {
  usage: "[--json]",
  description: "Lists the pods, with what they truly are.",
  options: [{ name: "json", kind: "flag", help: "Print the list as JSON" }],
  operands: [0, 0],
  async run({ paths, options }: CommandContext): Promise<number> {
    const pods = await listPods(new PodStore(paths.state));
    print(options.flag("json") ? JSON.stringify(pods) + "\n" : podTable(pods));
    return 0;
  },
};

/** `podvisor pod inspect`. */
export const inspect: Command = {
  usage: "NAME",
  description: "Prints all that is known of a pod, as JSON.",
  options: [],
  operands: [1, 1],
  async run({ paths, options }: CommandContext): Promise<number> {
    const { directory, pod, containers } = await loadPod(
      new PodStore(paths.state),
      checkName("pod", options.operands[0]!),
    );
    print(JSON.stringify({ ...pod, directory: directory.path, containers }, null, 2) + "\n");
    return 0;
  },
};

/** A command that does one thing to one pod, and tells the pod's record if asked to. */
function podCommand(
  description: string,
  more: readonly OptionSpec[],
  act: (context: CommandContext, tools: PodTools, name: string) => Promise<unknown>,
): Command {
  return {
    usage: "[options] NAME",
    description,
    options: [...more, JSON_OPTION, ...LOG_OPTIONS],
    operands: [1, 1],
    async run(context: CommandContext): Promise<number> {
      const { paths, options } = context;
      applyLogOptions(options);
      const name = checkName("pod", options.operands[0]!);
      const tools = makePodTools(paths);
      await act(context, tools, name);
      if (options.flag("json")) {
        const { pod } = await loadPod(tools.store, name);
        print(JSON.stringify(pod) + "\n");
      }
      return 0;
    },
  };
}

function podTable(pods: readonly PodSummary[]): string {
  const rows = pods.map(({ id, state, created, containers, memoryMiB, vcpus, reason }) => [
    id,
    state,
    String(containers),
    `${memoryMiB}M`,
    String(vcpus),
    age(created),
    reason ?? "",
  ]);
  return table([["NAME", "STATE", "CONTAINERS", "MEMORY", "CPUS", "AGE", "REASON"], ...rows]);
}

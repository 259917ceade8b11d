import { Failure } from "../../failure.ts";
import { checkName, findContainer, loadPod, updateContainer, updatePod } from "../../pod/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { findTarget, POD_OPTION } from "../find_target.ts";
import { hasLimits, LIMIT_OPTIONS, readLimits } from "../limit_options.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { print } from "../output.ts";
import { MAX_CPUS, readMemory } from "../pod_options.ts";
import { makePodTools } from "../pod_tools.ts";

/** `podvisor pod update`. */
export const updatePodCommand: Command = {
  usage: "[--cpus N] [--memory SIZE] NAME",
  description:
    "Lets a pod have more processors or memory, of which its containers can make use at once. Memory grows in\n" +
    "pieces of 128 MiB. A pod that has stopped has as much as that when it starts again.",
  options: [
    { name: "cpus", kind: "value", placeholder: "N", help: "Processors that it is to have" },
    {
      name: "memory",
      short: "m",
      kind: "value",
      placeholder: "SIZE",
      help: "Memory that it is to have",
    },
    { name: "json", kind: "flag", help: "Print the pod's record as JSON" },
    ...LOG_OPTIONS,
  ],
  operands: [1, 1],
  examples: ["podvisor pod update --cpus 2 --memory 1G web"],
  async run({ paths, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const name = checkName("pod", options.operands[0]!);
    const vcpus = options.integer("cpus", 1, MAX_CPUS);
    const memoryMiB = readMemory(options);
    if (vcpus === undefined && memoryMiB === undefined) {
      throw new Failure(`Cannot update the pod ${name}: nothing is to change`, {
        hint: "Say what it is to have with --cpus or --memory",
      });
    }
    const pod = await updatePod(makePodTools(paths), name, { vcpus, memoryMiB });
    if (options.flag("json")) print(JSON.stringify(pod) + "\n");
    return 0;
  },
};

/** `podvisor container update`. */
export const updateContainerCommand: Command = {
  usage: "[options] NAME",
  description: "Changes a container's limits. What is not given stays as it is.",
  options: [
    ...LIMIT_OPTIONS,
    POD_OPTION,
    { name: "json", kind: "flag", help: "Print the container's record as JSON" },
    ...LOG_OPTIONS,
  ],
  operands: [1, 1],
  examples: ["podvisor container update --memory-limit 64M --pids-limit 50 a"],
  async run(context: CommandContext): Promise<number> {
    const { paths, options } = context;
    applyLogOptions(options);
    const { pod, id } = await findTarget(context, options.operands[0]!);
    if (!hasLimits(options)) {
      throw new Failure(`Cannot update the container ${id}: nothing is to change`, {
        hint: "Say which limits are to change, such as --memory-limit",
      });
    }
    const tools = makePodTools(paths);
    const { config } = findContainer(await loadPod(tools.store, pod), id);
    const record = await updateContainer(tools, pod, id, readLimits(options, config));
    if (options.flag("json")) print(JSON.stringify(record) + "\n");
    return 0;
  },
};

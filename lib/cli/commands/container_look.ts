import { Failure } from "../../failure.ts";
import {
  type ContainerRecord,
  findContainer,
  listContainers,
  listProcesses,
  loadPod,
  logFile,
  PodStore,
  waitForContainer,
} from "../../pod/mod.ts";
import { readLog } from "../../shim/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { findTarget, POD_OPTION, type Target } from "../find_target.ts";
import { print } from "../output.ts";
import { makePodTools } from "../pod_tools.ts";
import { age, table } from "../table.ts";

const MAX_TAIL = 1_000_000_000;

/** `podvisor container list`. */
export const list: Command = {
  usage: "[options]",
  description: "Lists containers, with what they truly are.",
  options: [
    { name: "pod", kind: "value", placeholder: "NAME", help: "Those of one pod" },
    { name: "json", kind: "flag", help: "Print the list as JSON" },
  ],
  operands: [0, 0],
  async run({ paths, options }: CommandContext): Promise<number> {
    const containers = await listContainers(new PodStore(paths.state), options.value("pod"));
    print(options.flag("json") ? JSON.stringify(containers) + "\n" : containerTable(containers));
    return 0;
  },
};

/** `podvisor container inspect`. */
export const inspect: Command = {
  usage: "[--pod NAME] NAME",
  description: "Prints all that is known of a container, as JSON.",
  options: [POD_OPTION],
  operands: [1, 1],
  async run(context: CommandContext): Promise<number> {
    const { pod, id } = await findTarget(context, context.options.operands[0]!);
    const loaded = await loadPod(new PodStore(context.paths.state), pod);
    print(JSON.stringify(findContainer(loaded, id), null, 2) + "\n");
    return 0;
  },
};

/** `podvisor container ps`. */
export const ps: Command = {
  usage: "[options] NAME [PS-ARGUMENT…]",
  description: "Lists a container's processes. PS-ARGUMENTs are those of ps, such as -o pid,args.",
  options: [
    { name: "json", kind: "flag", help: "Print the pids, as the guest has them, as JSON" },
    POD_OPTION,
  ],
  takesCommand: true,
  operands: [1, Infinity],
  async run(context: CommandContext): Promise<number> {
    const { paths, options } = context;
    const [name, ...args] = options.operands;
    const { pod, id } = await findTarget(context, name!);
    const format = options.flag("json") ? "json" : "table";
    const text = await listProcesses(makePodTools(paths), pod, id, format, args);
    print(text.endsWith("\n") ? text : text + "\n");
    return 0;
  },
};

/** `podvisor container wait`. */
export const wait: Command = {
  usage: "[--pod NAME] NAME",
  description: "Waits until a container has stopped, and prints its exit code.",
  options: [
    POD_OPTION,
    { name: "json", kind: "flag", help: "Print the container's record as JSON" },
  ],
  operands: [1, 1],
  async run(context: CommandContext): Promise<number> {
    const { paths, options } = context;
    const { pod, id } = await findTarget(context, options.operands[0]!);
    const record = await waitForContainer(new PodStore(paths.state), pod, id);
    if (options.flag("json")) print(JSON.stringify(record) + "\n");
    else if (record.exit) print(`${record.exit.code}\n`);
    else {
      throw new Failure(`Cannot tell the exit code of the container ${id}: ${record.reason}`);
    }
    return 0;
  },
};

/** `podvisor container logs`. */
export const logs: Command = {
  usage: "[options] NAME",
  description: "Prints what a container has printed: its stdout to stdout, its stderr to stderr.",
  options: [
    { name: "follow", short: "f", kind: "flag", help: "Go on until the container ends" },
    {
      name: "tail",
      short: "n",
      kind: "value",
      placeholder: "N",
      help: "Begin with the last N lines",
    },
    { name: "timestamps", kind: "flag", help: "Put the time before each line" },
    POD_OPTION,
  ],
  operands: [1, 1],
  async run(context: CommandContext): Promise<number> {
    const { paths, options } = context;
    const target = await findTarget(context, options.operands[0]!);
    const store = new PodStore(paths.state);
    const loaded = await loadPod(store, target.pod);
    findContainer(loaded, target.id);
    const tail = options.integer("tail", 0, MAX_TAIL);
    const lines = readLog(logFile(loaded, target.id), {
      follow: options.flag("follow"),
      timestamps: options.flag("timestamps"),
      ended: () => hasEnded(store, target),
      ...(tail === undefined ? {} : { tail }),
    });
    for await (const { stream, text } of lines) {
      writeAll(stream === "stdout" ? Deno.stdout : Deno.stderr, text);
    }
    return 0;
  },
};

async function hasEnded(store: PodStore, { pod, id }: Target): Promise<boolean> {
  return findContainer(await loadPod(store, pod), id).state === "stopped";
}

function writeAll(out: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += out.writeSync(bytes.subarray(at));
}

function containerTable(containers: readonly ContainerRecord[]): string {
  const rows = containers.map(({ id, pod, state, created, config, exit, reason }) => [
    id,
    pod,
    state,
    age(created),
    exit ? String(exit.code) : "",
    config.command.args.join(" ").slice(0, 40),
    reason ?? "",
  ]);
  return table([["NAME", "POD", "STATE", "AGE", "EXIT", "COMMAND", "REASON"], ...rows]);
}

import { makeTemplate } from "../../pod/mod.ts";
import { giveWay } from "../../sys/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { plainContainer } from "../container_options.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { print } from "../output.ts";
import { POD_OPTIONS, readPodOptions } from "../pod_options.ts";
import { buildStore, makePodTools } from "../pod_tools.ts";
import { resolveRoot } from "../resolve_root.ts";
import { SignalRelay } from "../signal_relay.ts";

/** `podvisor template build`. */
export const build: Command = {
  usage: "[options]",
  description:
    "Boots a pod as the options have it and saves it: pods like it are restored from then on.",
  options: [
    ...POD_OPTIONS,
    { name: "force", kind: "flag", help: "Make it anew where there is one" },
    {
      name: "background",
      kind: "flag",
      help: "Give way to other work, and do nothing while another template is made",
    },
    ...LOG_OPTIONS,
  ],
  operands: [0, 0],
  async run({ paths, config, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const background = options.flag("background");
    if (background) giveWay();
    const tools = makePodTools(paths);
    const pod = await readPodOptions(options, "template", config);
    const plain = { root: "builtin" as const, container: plainContainer(["true"]) };
    const container = await resolveRoot(plain, paths, tools.busybox);
    using relay = new SignalRelay();
    const made = await makeTemplate({
      tools: { ...tools, store: buildStore(paths) },
      templates: tools.templates,
      pod,
      container,
      wait: !background,
      replace: options.flag("force"),
      signal: relay.abort,
    });
    if (made) print(`${made.key}\n`);
    return 0;
  },
};

import { MAX_SPARE_TIME, MAX_SPARES } from "../../config/mod.ts";
import { Failure } from "../../failure.ts";
import { leaveCgroups } from "../../oci/runtime/mod.ts";
import { keepSpare } from "../../pod/mod.ts";
import { selfCommand, spawn } from "../../sys/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { plainContainer } from "../container_options.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { POD_OPTIONS, readPodOptions } from "../pod_options.ts";
import { makePodTools } from "../pod_tools.ts";
import { resolveRoot } from "../resolve_root.ts";
import { SignalRelay } from "../signal_relay.ts";

/** `podvisor spare keep`. */
export const keep: Command = {
  usage: "--key KEY [options]",
  description:
    "Restores a VM as the options have it, unless enough of them wait, and keeps it until a pod takes it or\n" +
    "its time is up. Starts of pods run it in the background where the configuration says spares = N.",
  options: [
    { name: "key", kind: "value", placeholder: "KEY", help: "The whole key of its template" },
    { name: "count", kind: "value", placeholder: "N", help: "How many are to wait. Default: 1" },
    {
      name: "time",
      kind: "value",
      placeholder: "SECONDS",
      help: "How long it waits. Default: spare_time of the configuration",
    },
    ...POD_OPTIONS,
    ...LOG_OPTIONS,
  ],
  operands: [0, 0],
  async run({ paths, config, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const key = options.value("key");
    if (key === undefined) {
      throw new Failure("Cannot keep a spare: the key of its template is not given", {
        hint: "See podvisor template list",
      });
    }
    leaveCgroups();
    const tools = makePodTools(paths);
    const { spares: _, ...pod } = await readPodOptions(options, "spare", config);
    const plain = { root: "builtin" as const, container: plainContainer(["true"]) };
    using relay = new SignalRelay();
    await keepSpare({
      tools,
      pod: { ...pod, template: "use" },
      container: await resolveRoot(plain, paths, tools.busybox),
      key,
      count: options.integer("count", 1, MAX_SPARES) ?? 1,
      time: (options.integer("time", 1, MAX_SPARE_TIME) ?? config.get("spare_time")) * 1000,
      onMissing: () => spawn({ command: selfCommand(Deno.args), detached: true }),
      signal: relay.abort,
    });
    return 0;
  },
};

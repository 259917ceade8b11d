import { collectGarbage, collectSpares, PodStore } from "../../pod/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { print } from "../output.ts";
import { buildStore, templateStore } from "../pod_tools.ts";

/** `podvisor gc`. */
export const gc: Command = {
  usage: "[options]",
  description:
    "Removes what commands left behind that were killed or crashed: VMs, proxies, shims, files.\n" +
    "Pods that are in use, and pods made to last, stay; what still runs of one that has stopped is ended.",
  options: [
    { name: "json", kind: "flag", help: "Print what was done as JSON" },
    ...LOG_OPTIONS,
  ],
  operands: [0, 0],
  async run({ paths, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const found = [
      ...await collectGarbage(new PodStore(paths.state)),
      ...await collectGarbage(buildStore(paths)),
      ...await collectSpares(paths.state),
    ];
    const unfinished = await templateStore(paths).collectGarbage();
    if (options.flag("json")) {
      print(JSON.stringify(found) + "\n");
      return 0;
    }
    for (const { pod, removed, processes } of found) {
      const what = removed ? `removed pod ${pod}` : `pod ${pod} has stopped`;
      const ended = processes.length === 0 ? "" : `, ended processes ${processes.join(", ")}`;
      print(`${what}${ended}\n`);
    }
    for (const path of unfinished) print(`removed unfinished template ${path}\n`);
    return 0;
  },
};

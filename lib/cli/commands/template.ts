import { makeTemplate } from "../../pod/mod.ts";
import { Failure } from "../../failure.ts";
import type { TemplateStore } from "../../hypervisor/mod.ts";
import { giveWay } from "../../sys/mod.ts";
import { engineContainer } from "../../oci/mod.ts";
import { leaveCgroups } from "../../oci/runtime/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { plainContainer } from "../container_options.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { age, table } from "../table.ts";
import { print } from "../output.ts";
import { POD_OPTIONS, readPodOptions } from "../pod_options.ts";
import { buildStore, makePodTools, templateStore } from "../pod_tools.ts";
import { resolveRoot } from "../resolve_root.ts";
import { SignalRelay } from "../signal_relay.ts";

/** Digits of a key that a list shows. */
const SHORT_KEY = 12;

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
    if (background) {
      giveWay();
      leaveCgroups();
    }
    const tools = makePodTools(paths);
    const pod = await readPodOptions(options, "template", config);
    const plain = { root: "builtin" as const, container: plainContainer(["true"]) };
    const container = await resolveRoot(plain, paths, tools.busybox);
    const engines = await engineContainer(await tools.busybox());
    using relay = new SignalRelay();
    const made = await makeTemplate({
      tools: { ...tools, store: buildStore(paths) },
      templates: tools.templates,
      pod,
      container,
      engines: { ...engines, root: container.root },
      wait: !background,
      replace: options.flag("force"),
      signal: relay.abort,
    });
    if (made) print(`${made.key}\n`);
    return 0;
  },
};

/** `podvisor template list`. */
export const list: Command = {
  usage: "[--json]",
  description: "Lists the templates, the last used first.",
  options: [{ name: "json", kind: "flag", help: "Print the list as JSON" }],
  operands: [0, 0],
  async run({ paths, options }: CommandContext): Promise<number> {
    const templates = await templateStore(paths).list();
    if (options.flag("json")) {
      print(JSON.stringify(templates) + "\n");
      return 0;
    }
    const rows = templates.map(({ key, memoryMiB, vcpus, network, created, used, bytes }) => [
      key.slice(0, SHORT_KEY),
      `${memoryMiB}M`,
      String(vcpus),
      network,
      age(created),
      age(used.toISOString()),
      `${Math.round(bytes / 2 ** 20)}M`,
    ]);
    print(table([["KEY", "MEMORY", "CPUS", "NETWORK", "AGE", "USED", "DISK"], ...rows]));
    return 0;
  },
};

/** `podvisor template inspect`. */
export const inspect: Command = {
  usage: "KEY",
  description: "Prints all that is known of a template, as JSON. The first digits of its key do.",
  options: [],
  operands: [1, 1],
  async run({ paths, options }: CommandContext): Promise<number> {
    const store = templateStore(paths);
    const key = await findKey(store, options.operands[0]!);
    const found = (await store.list()).find((each) => each.key === key);
    print(JSON.stringify(found, null, 2) + "\n");
    return 0;
  },
};

/** `podvisor template rm`. */
export const remove: Command = {
  usage: "KEY… | --all",
  description:
    "Removes templates: the first digits of their keys do. Pods that were restored from them go on.",
  options: [{ name: "all", kind: "flag", help: "Remove all of them" }, ...LOG_OPTIONS],
  operands: [0, Infinity],
  async run({ paths, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const store = templateStore(paths);
    const all = options.flag("all");
    if (all !== (options.operands.length === 0)) {
      throw new Failure("Cannot remove templates: which ones is not said", {
        hint: "Usage: podvisor template rm KEY… | --all",
      });
    }
    const keys = all
      ? (await store.list()).map(({ key }) => key)
      : await Promise.all(options.operands.map((prefix) => findKey(store, prefix)));
    for (const key of keys) await store.drop(key);
    return 0;
  },
};

/** The key that begins so. @throws {Failure} when there is none, or there are several */
async function findKey(store: TemplateStore, prefix: string): Promise<string> {
  const found = (await store.list()).filter(({ key }) => key.startsWith(prefix));
  if (found.length === 1) return found[0]!.key;
  const what = found.length === 0 ? "there is none" : "there are several";
  throw new Failure(`Cannot find the template ${prefix}: ${what}`, {
    hint: "See podvisor template list",
  });
}

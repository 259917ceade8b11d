import { Failure } from "../../failure.ts";
import type { GuestRoute } from "../../hyperstart/mod.ts";
import {
  addNetwork,
  checkName,
  listNetwork,
  type NetworkAddition,
  type NetworkView,
  PodStore,
  removeNetwork,
} from "../../pod/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import {
  BRIDGE_OPTIONS,
  isLinkName,
  MODEL_OPTION,
  readBridge,
  readModel,
} from "../network_options.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "../options.ts";
import { print } from "../output.ts";
import { makePodTools } from "../pod_tools.ts";
import { readRoutes, ROUTE_OPTION } from "../route_options.ts";
import { table } from "../table.ts";

const JSON_OPTION: OptionSpec = {
  name: "json",
  kind: "flag",
  help: "Print what the pod has then as JSON",
};

/** `podvisor network add`. */
export const add: Command = {
  usage: "[options] POD",
  description:
    "Adds an interface, routes or both to a pod that is up. They last until the pod stops. A place at a bridge does not\n" +
    "change the pod's way out unless --gateway is given.",
  options: [
    {
      name: "interface",
      kind: "value",
      placeholder: "NAME",
      help: "An interface of the pod's namespace; with --bridge: what the new one is called",
    },
    { name: "bridge", kind: "value", placeholder: "NAME", help: "A bridge to give it a place at" },
    ...BRIDGE_OPTIONS,
    MODEL_OPTION,
    ROUTE_OPTION,
    JSON_OPTION,
    ...LOG_OPTIONS,
  ],
  operands: [1, 1],
  examples: [
    "podvisor network add --interface eth1 web",
    "podvisor network add --bridge br1 --ip 10.9.0.5/24 web",
    "podvisor network add --route 10.20.0.0/16,via=10.9.0.1 web",
  ],
  async run({ paths, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const pod = checkName("pod", options.operands[0]!);
    const addition = { interface: await readInterface(options), routes: await readRoutes(options) };
    if (!addition.interface && addition.routes.length === 0) throw nothingToDo("add to", pod);
    const view = await addNetwork(makePodTools(paths), pod, addition);
    if (options.flag("json")) print(JSON.stringify(view) + "\n");
    return 0;
  },
};

/** `podvisor network rm`. */
export const remove: Command = {
  usage: "[options] POD",
  description:
    "Takes routes and interfaces from a pod that is up, also those that it was started with. An interface of a namespace\n" +
    "is as it was before the pod had it.",
  options: [
    { name: "interface", kind: "list", placeholder: "NAME", help: "An interface of the pod" },
    ROUTE_OPTION,
    JSON_OPTION,
    ...LOG_OPTIONS,
  ],
  operands: [1, 1],
  examples: ["podvisor network rm --interface eth1 web"],
  async run({ paths, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    const pod = checkName("pod", options.operands[0]!);
    const interfaces = options.list("interface");
    const routes = await readRoutes(options);
    if (interfaces.length + routes.length === 0) throw nothingToDo("take from", pod);
    const view = await removeNetwork(makePodTools(paths), pod, { interfaces, routes });
    if (options.flag("json")) print(JSON.stringify(view) + "\n");
    return 0;
  },
};

/** `podvisor network list`. */
export const list: Command = {
  usage: "[--json] POD",
  description: "Lists the interfaces of a pod, and the routes that it was told of.",
  options: [{ name: "json", kind: "flag", help: "Print them as JSON" }],
  operands: [1, 1],
  async run({ paths, options }: CommandContext): Promise<number> {
    const pod = checkName("pod", options.operands[0]!);
    const view = await listNetwork(new PodStore(paths.state), pod);
    print(options.flag("json") ? JSON.stringify(view) + "\n" : tables(view));
    return 0;
  },
};

async function readInterface(options: ParsedOptions): Promise<NetworkAddition["interface"]> {
  const [bridge, name] = [options.value("bridge"), options.value("interface")];
  const given = BRIDGE_OPTIONS.find((each) => options.value(each.name) !== undefined);
  if (bridge === undefined && given) {
    throw new Failure(`Cannot use --${given.name}: it goes with --bridge`);
  }
  for (const [option, text] of [["bridge", bridge], ["interface", name]] as const) {
    if (text !== undefined && !isLinkName(text)) {
      throw badValue(option, text, "no link can have this name");
    }
  }
  const model = readModel(options);
  if (bridge !== undefined) {
    return { ...await readBridge(options, bridge, model), interface: name ?? "" };
  }
  return name === undefined ? null : { kind: "netns", name, model };
}

function nothingToDo(what: string, pod: string): Failure {
  return new Failure(`Cannot ${what} the network of the pod ${pod}: nothing is to change`, {
    hint: "Say what with --interface, --bridge or --route",
  });
}

function tables({ interfaces, routes }: NetworkView): string {
  const cards = interfaces.map(({ name, mac, mtu, addresses, network }) => [
    name,
    mac,
    String(mtu),
    addresses.join(","),
    network,
  ]);
  const ways = routes.map((route) => [
    route.dest,
    valuesOf(route, "gateway"),
    valuesOf(route, "device"),
    route.metric ? String(route.metric) : "",
  ]);
  const first = table([["NAME", "MAC", "MTU", "ADDRESSES", "NETWORK"], ...cards]);
  if (ways.length === 0) return first;
  return `${first}\n${table([["DESTINATION", "GATEWAY", "INTERFACE", "METRIC"], ...ways])}`;
}

function valuesOf(route: GuestRoute, key: "gateway" | "device"): string {
  const hops = route.nextHops?.length ? route.nextHops : [route];
  return hops.map((hop) => hop[key] ?? "").filter((text) => text !== "").join(",");
}

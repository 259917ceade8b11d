import { join, resolve } from "@std/path";
import { Failure } from "../failure.ts";
import type { ForwardedPort } from "../hypervisor/mod.ts";
import type { BridgeNetwork, NameServers, NetworkConfig } from "../pod/mod.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";

/** Where iproute2 keeps namespaces by name. */
const NAMED_NAMESPACES = "/run/netns";
const MODELS = ["tcfilter", "macvtap", "bridged", "none"] as const;
const MAX_PORT = 65535;

/** The options that go with a bridge. */
export const BRIDGE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "ip",
    kind: "value",
    placeholder: "ADDR/LEN[,…]",
    help: "The pod's addresses on the bridge. Default: free ones",
  },
  {
    name: "gateway",
    kind: "value",
    placeholder: "ADDR[,…]",
    help: "Its gateways on the bridge. Default: the bridge itself",
  },
];

/** The option that says how interfaces get into the VM. */
export const MODEL_OPTION: OptionSpec = {
  name: "network-model",
  kind: "value",
  placeholder: "MODEL",
  help: `How interfaces get into the VM: ${MODELS.join(", ")}. Default: ${MODELS[0]}`,
};

/** The options that say how a pod is joined to the network. */
export const NETWORK_OPTIONS: readonly OptionSpec[] = [
  {
    name: "network",
    kind: "value",
    placeholder: "NETWORK",
    help: "none, user (QEMU's own), netns:PATH, bridge:NAME. Default: none",
  },
  {
    name: "publish",
    short: "p",
    kind: "list",
    placeholder: "[ADDR:]HOST:GUEST[/udp]",
    help: "Make a port of the pod one of the host's (--network user)",
  },
  ...BRIDGE_OPTIONS,
  MODEL_OPTION,
  { name: "dns", kind: "list", placeholder: "ADDR", help: "Name server. Default: the host's" },
  { name: "dns-search", kind: "list", placeholder: "DOMAIN", help: "Domain to search names in" },
];

/**
 * Reads {@linkcode NETWORK_OPTIONS} but for the name servers.
 *
 * @param otherwise the network of a pod for which none is given
 * @throws {Failure} naming a value that will not do, or an option that does not go with the network
 */
export async function readNetwork(
  options: ParsedOptions,
  otherwise = "none",
): Promise<NetworkConfig> {
  const text = options.value("network") ?? otherwise;
  const [kind, ...rest] = text.split(":");
  const place = rest.join(":");
  const model = readModel(options);
  if (kind !== "user") refuse(options, ["publish"], "user");
  if (kind !== "bridge") refuse(options, ["ip", "gateway"], "bridge:NAME");
  if (kind === "none" || kind === "user") refuse(options, ["network-model"], "netns:PATH");
  if (text === "none") return { kind: "none" };
  if (text === "user") return { kind: "user", ports: options.list("publish").map(readPort) };
  if (kind === "netns" && place !== "") {
    const path = place.includes("/") ? resolve(place) : join(NAMED_NAMESPACES, place);
    return { kind, path, model };
  }
  if (kind === "bridge" && isLinkName(place)) return await readBridge(options, place, model);
  throw badValue("network", text, "it is one of none, user, netns:PATH, bridge:NAME");
}

/** Reads what goes with a bridge. @throws {Failure} naming a value that will not do */
export async function readBridge(
  options: ParsedOptions,
  name: string,
  model: BridgeNetwork["model"],
): Promise<BridgeNetwork> {
  const addresses = await readIps(options, "ip");
  return { kind: "bridge", name, model, addresses, gateways: await readIps(options, "gateway") };
}

/** Whether a link can have this name (linux/if.h, dev_valid_name). */
export function isLinkName(text: string): boolean {
  return /^[^\s/:]{1,15}$/.test(text) && text !== "." && text !== "..";
}

/** How interfaces get into the VM. @throws {Failure} for a word that is no model */
export function readModel(options: ParsedOptions): BridgeNetwork["model"] {
  return options.choice("network-model", MODELS) ?? MODELS[0];
}

/** Reads the name servers, if any are given. @throws {Failure} for a server that is no address */
export async function readNameServers(options: ParsedOptions): Promise<NameServers | undefined> {
  const [servers, search] = [options.list("dns"), options.list("dns-search")];
  if (servers.length + search.length === 0) return undefined;
  const { isIp } = await import("../network/mod.ts");
  for (const each of servers) {
    if (!isIp(each)) throw badValue("dns", each, "an IP address is needed");
  }
  for (const each of search) {
    if (!/^[\w.-]{1,253}$/.test(each)) throw badValue("dns-search", each, "a domain is needed");
  }
  return { servers: [...servers], search: [...search] };
}

function refuse(options: ParsedOptions, names: readonly string[], network: string): void {
  const given = names.find((each) => options.value(each) ?? options.list(each)[0]);
  if (given === undefined) return;
  throw new Failure(`Cannot use --${given}: it goes with --network ${network}`);
}

/** `8080:80`, `127.0.0.1:8080:80`, `53:53/udp`. */
function readPort(text: string): ForwardedPort {
  const bad = (why: string) => badValue("publish", text, why);
  const parts = /^(?:([\d.]+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (!parts) throw bad("it is like 8080:80, 127.0.0.1:8080:80 or 5353:53/udp");
  const [, address = "0.0.0.0", host, guest, protocol = "tcp"] = parts;
  const [port, guestPort] = [Number(host), Number(guest)];
  if (address.split(".").length !== 4 || address.split(".").some((each) => Number(each) > 255)) {
    throw bad("its address is no IPv4 address");
  }
  if ([port, guestPort].some((each) => each < 1 || each > MAX_PORT)) {
    throw bad(`ports are from 1 to ${MAX_PORT}`);
  }
  return { protocol: protocol as "tcp" | "udp", address, port, guestPort };
}

/** At most one address of each family; `ip` with prefix length, `gateway` without. */
async function readIps(options: ParsedOptions, name: "ip" | "gateway"): Promise<string[]> {
  const text = options.value(name);
  if (text === undefined) return [];
  const { formatIp, isIp, parsePrefix } = await import("../network/mod.ts");
  const read = (each: string) => {
    if (each.includes("/") !== (name === "ip")) {
      throw new TypeError(
        name === "ip" ? "its prefix length is missing" : "it has a prefix length",
      );
    }
    if (name === "gateway" && !isIp(each)) throw new TypeError(`${each} is no IP address`);
    const { address, length } = parsePrefix(each);
    return name === "ip" ? `${formatIp(address)}/${length}` : formatIp(address);
  };
  try {
    const addresses = text.split(",").map(read);
    if (new Set(addresses.map((each) => each.includes(":"))).size === addresses.length) {
      return addresses;
    }
  } catch (error) {
    if (error instanceof TypeError) throw badValue(name, text, error.message);
    throw error;
  }
  throw badValue(name, text, "one address of each family is the most");
}

import { resolve } from "@std/path";
import type { Config } from "../config/mod.ts";
import { Failure } from "../failure.ts";
import type { PodConfig, PodKinds, PodProxy } from "../pod/mod.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";

/** The options that choose the programs that a pod is made of. */
export const KIND_OPTIONS: readonly OptionSpec[] = [
  {
    name: "proxy",
    kind: "value",
    placeholder: "KIND[=WHERE]",
    help: "builtin, cc-proxy=PATH or noop=URL. Default: builtin",
  },
  {
    name: "shim",
    kind: "value",
    placeholder: "KIND[=PATH]",
    help: "builtin, cc-shim=PATH or noop. Default: builtin",
  },
  {
    name: "hypervisor",
    kind: "value",
    placeholder: "KIND[=PATH]",
    help: "qemu[=PATH], or mock: no machine at all. Default: qemu",
  },
  {
    name: "agent",
    kind: "value",
    placeholder: "KIND",
    help: "hyperstart or noop. Default: hyperstart",
  },
  {
    name: "control-socket",
    kind: "value",
    placeholder: "PATH",
    help: "Socket of the guest's control port, {pod} being the pod's name. Default: the pod's own",
  },
  {
    name: "stream-socket",
    kind: "value",
    placeholder: "PATH",
    help: "Socket of the guest's stream port. Default: the pod's own",
  },
  {
    name: "initrd",
    kind: "value",
    placeholder: "FILE",
    help: "Boot another guest with --kernel: its initial file system",
  },
  {
    name: "image",
    kind: "value",
    placeholder: "FILE",
    help: "Boot another guest with --kernel: its disk",
  },
];

/**
 * Reads {@linkcode KIND_OPTIONS}, and what they leave open from the configuration.
 *
 * @throws {Failure} naming a kind that there is not, or that needs a path or an address that nobody has given
 */
export function readKinds(
  options: ParsedOptions,
  config: Config,
): Pick<PodConfig, "kinds" | "guest" | "kernel" | "sockets"> {
  const kernel = fileOption(options, "kernel") ?? config.get("kernel");
  const initrd = fileOption(options, "initrd") ?? config.get("initrd");
  const image = fileOption(options, "image") ?? config.get("image");
  if ((initrd !== null || image !== null) && kernel === null) {
    throw new Failure("Cannot boot another guest: its kernel is not given", {
      hint: "Give it with --kernel FILE, or as kernel in the configuration",
    });
  }
  const control = fileOption(options, "control-socket") ?? config.get("control_socket");
  const stream = fileOption(options, "stream-socket") ?? config.get("stream_socket");
  const sockets = { ...(control ? { control } : {}), ...(stream ? { stream } : {}) };
  return {
    kernel,
    ...(control || stream ? { sockets } : {}),
    ...(initrd === null && image === null ? {} : { guest: { initrd, image } }),
    kinds: readPrograms(options, config),
  };
}

function readPrograms(options: ParsedOptions, config: Config): PodKinds {
  const agent = options.choice("agent", ["hyperstart", "noop"]) ?? config.get("agent");
  const hypervisor = split(options, "hypervisor", ["qemu", "mock"]) ??
    { kind: config.get("hypervisor"), where: null };
  const path = hypervisor.where ?? config.get("qemu_path");
  return {
    // An agent without a guest has no streams that a proxy or a shim could carry.
    proxy: agent === "noop" ? { kind: "noop", url: "" } : readProxy(options, config),
    shim: agent === "noop" ? { kind: "noop" } : readShim(options, config),
    hypervisor: { kind: hypervisor.kind, path: path === null ? null : resolve(path) },
    agent,
  };
}

function readProxy(options: ParsedOptions, config: Config): PodProxy {
  const { kind, where } = split(options, "proxy", ["builtin", "cc-proxy", "noop"]) ??
    { kind: config.get("proxy"), where: null };
  if (kind === "builtin") return { kind };
  if (kind === "cc-proxy") {
    const path = where ?? config.get("proxy_path") ?? missing("proxy", kind, "path", "proxy_path");
    return { kind, path: resolve(path) };
  }
  const url = where ?? config.get("proxy_url") ?? missing("proxy", kind, "address", "proxy_url");
  return { kind, url };
}

function readShim(options: ParsedOptions, config: Config): PodKinds["shim"] {
  const { kind, where } = split(options, "shim", ["builtin", "cc-shim", "noop"]) ??
    { kind: config.get("shim"), where: null };
  if (kind !== "cc-shim") return { kind };
  const path = where ?? config.get("shim_path") ?? missing("shim", kind, "path", "shim_path");
  return { kind, path: resolve(path) };
}

/** `KIND` or `KIND=WHERE`, if it was given. */
function split<T extends string>(
  options: ParsedOptions,
  name: string,
  kinds: readonly T[],
): { kind: T; where: string | null } | undefined {
  const text = options.value(name);
  if (text === undefined) return undefined;
  const equals = text.indexOf("=");
  const word = equals < 0 ? text : text.slice(0, equals);
  const kind = kinds.find((each) => each === word);
  if (kind === undefined) throw badValue(name, text, `it is one of ${kinds.join(", ")}`);
  const where = equals < 0 ? null : text.slice(equals + 1);
  if (where === "") throw badValue(name, text, "nothing follows the =");
  return { kind, where };
}

function missing(option: string, kind: string, what: string, key: string): never {
  throw new Failure(`Cannot use the ${option} ${kind}: its ${what} is not given`, {
    hint: `Give it with --${option} ${kind}=${what.toUpperCase()}, or as ${key} in the ` +
      "configuration",
  });
}

function fileOption(options: ParsedOptions, name: string): string | null {
  const path = options.value(name);
  return path === undefined ? null : resolve(path);
}

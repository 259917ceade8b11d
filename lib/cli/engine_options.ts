import { getLogger } from "../log.ts";
import type { CreateOptions } from "../oci/runtime/mod.ts";
import type { OptionSpec, ParsedOptions } from "./options.ts";

/** How the engine gets at a process: options of `create`, `run` and `exec`. */
export const PROCESS_OPTIONS: readonly OptionSpec[] = [
  {
    name: "console-socket",
    kind: "value",
    placeholder: "SOCKET",
    help: "Send the master of the process's terminal there",
  },
  {
    name: "pid-file",
    kind: "value",
    placeholder: "FILE",
    help: "Write the pid of the process that stands for it on the host",
  },
  {
    name: "pidfd-socket",
    kind: "value",
    placeholder: "SOCKET",
    help: "Send a pidfd of that there",
  },
  {
    name: "preserve-fds",
    kind: "value",
    placeholder: "N",
    help: "Accepted; descriptors cannot be passed into a VM",
  },
];

/** Options of `create` and of `run --bundle`. */
export const BUNDLE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "bundle",
    short: "b",
    kind: "value",
    placeholder: "DIR",
    help: "The OCI bundle. Default: the current directory",
  },
  ...PROCESS_OPTIONS,
  { name: "no-pivot", kind: "flag", help: "Accepted, without effect" },
  { name: "no-new-keyring", kind: "flag", help: "Accepted, without effect" },
];

/** Reads {@linkcode BUNDLE_OPTIONS}. */
export function readBundleOptions(
  options: ParsedOptions,
): Pick<CreateOptions, "bundle" | "consoleSocket" | "pidFile" | "pidfdSocket"> {
  return { bundle: options.value("bundle") ?? ".", ...readProcessOptions(options) };
}

/** Reads {@linkcode PROCESS_OPTIONS}. */
export function readProcessOptions(
  options: ParsedOptions,
): Pick<CreateOptions, "consoleSocket" | "pidFile" | "pidfdSocket"> {
  if (Number(options.value("preserve-fds") ?? 0) > 0) {
    getLogger("oci").warn("descriptors cannot be passed into a VM: --preserve-fds has no effect");
  }
  return {
    consoleSocket: options.value("console-socket"),
    pidFile: options.value("pid-file"),
    pidfdSocket: options.value("pidfd-socket"),
  };
}

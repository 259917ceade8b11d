import type { Config } from "../config/mod.ts";
// Past its room's face, which brings along all that is done with pods.
import { checkName, makeName } from "../pod/identifier.ts";
import type { ContainerConfig, PodConfig, RootConfig } from "../pod/mod.ts";
import type { HookedBundle } from "./bundle_hooks.ts";
import { readContainerOptions } from "./container_options.ts";
import type { ParsedOptions } from "./options.ts";
import { readPodOptions } from "./pod_options.ts";

/** What `podvisor run` was asked for. */
export interface RunRequest {
  name: string;
  pod: PodConfig;
  /** Where the root file system comes from; `builtin` is the one made from busybox. */
  root: RootConfig | "builtin";
  container: Omit<ContainerConfig, "root">;
  /** The bundle that the container comes from, if it does. */
  bundle?: HookedBundle;
  /** Whether the command reads this process's stdin. */
  interactive: boolean;
  /** Milliseconds until the command is killed. */
  timeout: number | undefined;
  json: boolean;
  console: boolean;
}

const MAX_TIMEOUT_SECONDS = 2_000_000;

/**
 * Reads the options and operands of `podvisor run`.
 *
 * @throws {Failure} naming what is wrong with which of them
 */
export async function readRunRequest(
  options: ParsedOptions,
  config: Config,
): Promise<RunRequest> {
  const timeout = options.integer("timeout", 1, MAX_TIMEOUT_SECONDS);
  const name = checkName("pod", options.value("name") ?? makeName());
  const { operands } = options;
  const { root, container, hostname, bundle } = await readContainerOptions(
    options,
    operands,
    config,
  );
  return {
    name,
    pod: await readPodOptions(options, hostname ?? name, config),
    root,
    container,
    ...(bundle ? { bundle } : {}),
    interactive: options.flag("interactive"),
    timeout: timeout === undefined ? undefined : timeout * 1000,
    json: options.flag("json"),
    console: options.flag("console"),
  };
}

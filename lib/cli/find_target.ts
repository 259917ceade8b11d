import { findPodOf, PodStore } from "../pod/mod.ts";
import type { CommandContext } from "./command.ts";
import type { OptionSpec } from "./options.ts";

/** The option that tells containers of one name apart. */
export const POD_OPTION: OptionSpec = {
  name: "pod",
  kind: "value",
  placeholder: "NAME",
  help: "The container's pod. Default: the one pod that has a container of that name",
};

/** A container that a command is about. */
export interface Target {
  pod: string;
  id: string;
}

/** The container that a name and {@linkcode POD_OPTION} mean. @throws {Failure} when none, or more than one */
export async function findTarget({ paths, options }: CommandContext, id: string): Promise<Target> {
  const pod = await findPodOf(new PodStore(paths.state), id, options.value("pod"));
  return { pod, id };
}

import { Fields } from "../hyperstart/mod.ts";
import type { CommandContext } from "./commands.ts";
import { ShimCommand } from "./shim_host.ts";

type ShimCommandHandler = (
  client: Pick<CommandContext, "registry" | "unkept">,
  tokens: readonly string[],
  data: string,
) => Promise<void> | void;

/** Handlers of {@linkcode ShimCommand} by name. */
export const SHIM_COMMANDS: Readonly<Record<string, ShimCommandHandler>> = {
  [ShimCommand.serve]: async ({ registry, unkept }, [token = ""], data) => {
    const shim = await registry.shims.serve(token, data);
    unkept.set(shim.container, shim);
  },
  [ShimCommand.keep]: ({ unkept }, _, data) => {
    if (!unkept.delete(containerIn(data))) {
      throw new Error("no such shim is served for this client");
    }
  },
  [ShimCommand.release]: async ({ registry, unkept }, _, data) => {
    const container = containerIn(data);
    unkept.delete(container);
    await registry.shims.release(container);
  },
};

function containerIn(data: string): string {
  return Fields.parse(new TextEncoder().encode(data), "shim").name("container");
}

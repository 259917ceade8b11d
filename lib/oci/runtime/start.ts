import { Failure } from "../../failure.ts";
import { startContainer } from "../../pod/mod.ts";
import type { RuntimeContext } from "./context.ts";
import { toldAsProgramFailure } from "./find_program.ts";
import { runHooksFor } from "./hooks_of.ts";
import { connectOwnNetwork } from "./own_network.ts";
import { lookAt } from "./state.ts";

/** Runs the program of a container that was made. @throws {Failure} when it is not to be started, or cannot be */
export async function startCreated(context: RuntimeContext, id: string): Promise<void> {
  const { record, status, container } = await lookAt(context, id);
  if (status !== "created") throw new Failure(`cannot start a container that has ${status}`);
  await connectOwnNetwork(context, record);
  await toldAsProgramFailure(
    container!.config.command,
    () => startContainer(context.tools, record.pod, record.container),
  );
  await runHooksFor(record, "running", ["poststart"]);
}

import { Failure } from "../../failure.ts";
// Past its room's face, which brings the making of VMs along.
import { startContainer } from "../../pod/verbs/start_container.ts";
import type { VerbContext } from "./context.ts";
import { toldAsProgramFailure } from "./find_program.ts";
import { runHooksFor } from "./hooks_of.ts";
import { lookAt } from "./state.ts";

/** Runs the program of a container that was made. @throws {Failure} when it is not to be started, or cannot be */
export async function startCreated(context: VerbContext, id: string): Promise<void> {
  const { record, status, container } = await lookAt(context, id);
  if (status !== "created") throw new Failure(`cannot start a container that has ${status}`);
  if (record.ownNetwork !== null) {
    const { connectOwnNetwork } = await import("./own_network.ts");
    await connectOwnNetwork(context, record.pod, record.ownNetwork);
  }
  await toldAsProgramFailure(
    container!.config.command,
    () => startContainer(context.tools, record.pod, record.container),
  );
  await runHooksFor(record, "running", ["poststart"]);
}

import { Failure } from "../../failure.ts";
// Past its room's face, which brings the making of VMs along.
import { releaseContainer } from "../../pod/verbs/release_container.ts";
import type { VerbContext } from "./context.ts";
import { toldAsProgramFailure } from "./find_program.ts";
import { runHooksFor } from "./hooks_of.ts";
import type { RuntimeRecord } from "./record.ts";
import { lookAt } from "./state.ts";

/** Runs the program of a container that was made. @throws {Failure} when it is not to be started, or cannot be */
export async function startCreated(context: VerbContext, id: string): Promise<void> {
  const { record, status, container } = await lookAt(context, id);
  if (status !== "created") throw new Failure(`cannot start a container that has ${status}`);
  if (record.ownNetwork !== null && hasInterfaces(record.process?.pid)) {
    const { connectOwnNetwork } = await import("./own_network.ts");
    await connectOwnNetwork(context, record.pod, record.ownNetwork);
  }
  await toldAsProgramFailure(
    container!.config.command,
    () => container!.held ? release(context, record) : startWhole(context, record),
  );
  await runHooksFor(record, "running", ["poststart"]);
}

async function release(
  { tools, allTools }: VerbContext,
  { pod, container }: RuntimeRecord,
): Promise<void> {
  await releaseContainer(tools, pod, container, allTools);
}

/** One that its guest could not hold. */
async function startWhole(
  { allTools }: VerbContext,
  { pod, container }: RuntimeRecord,
): Promise<void> {
  const { startContainer } = await import("../../pod/verbs/start_container.ts");
  await startContainer(await allTools(), pod, container);
}

/**
 * Whether there may be any interface but the loopback in the network namespace of a process (proc_pid_net(5), `dev`): most
 * containers need not load all that connects one.
 */
function hasInterfaces(pid: number | undefined): boolean {
  try {
    const [, , ...lines] = Deno.readTextFileSync(`/proc/${pid}/net/dev`).trimEnd().split("\n");
    return lines.some((line) => !line.trimStart().startsWith("lo:"));
  } catch {
    return true;
  }
}

import type { Command } from "../../agent/mod.ts";
import { Failure } from "../../failure.ts";
import { execInContainer, hasProcess, startExec } from "../../pod/mod.ts";
import { startEngineShim } from "../../shim/mod.ts";
import { CgroupStay } from "./cgroups.ts";
import { openStdio } from "./console.ts";
import type { RuntimeContext } from "./context.ts";
import { toldAsProgramFailure } from "./find_program.ts";
import { type PidPlaces, tellProcess } from "./pid_file.ts";
import { lookAt } from "./state.ts";

/** What `exec` was asked for. */
export interface ExecRequest extends PidPlaces {
  id: string;
  /** What to run, made from the container's own command. */
  command: (own: Command) => Command;
  consoleSocket?: string | undefined;
  /** Return once it runs, and leave it to its shim. */
  detach: boolean;
  /** How the streams of one that is waited for are connected. */
  onStarted?: (signal: (number: number) => Promise<void>) => void;
  signal: AbortSignal;
}

/**
 * Runs a further process in a container.
 *
 * @returns its exit code, or 0 for one that is left alone
 * @throws {Failure} when the container is not running, or the program cannot be run
 */
export async function execProcess(context: RuntimeContext, request: ExecRequest): Promise<number> {
  const { tools } = context;
  const { record, status, container } = await lookAt(context, request.id);
  const waits = status === "created" && container !== undefined && hasProcess(container);
  if (status !== "running" && !waits) {
    throw new Failure(`cannot exec in a ${status} container: container not running`);
  }
  const { pod } = record;
  const asked = request.command(container!.config.command);
  const place = { pod, container: record.container, command: () => asked };
  if (!request.detach && request.consoleSocket === undefined) {
    const result = await toldAsProgramFailure(asked, () =>
      execInContainer(tools, {
        ...place,
        streams: { interactive: true, terminal: asked.terminal },
        ...(request.onStarted ? { onStarted: request.onStarted } : {}),
        signal: request.signal,
      }));
    if (result.kind === "exited") return result.code;
    throw new Failure(`Cannot tell how the process in ${request.id} ended: ${result.reason}`);
  }
  using _groups = new CgroupStay(record.cgroups);
  using stdio = openStdio(asked, request.consoleSocket);
  const pid = await toldAsProgramFailure(asked, () =>
    startExec(tools, {
      ...place,
      starter: (shim) =>
        startEngineShim({
          ...shim,
          terminal: asked.terminal,
          ownTerminal: stdio.ownTerminal,
          stdio: stdio.descriptors,
        }),
    }));
  stdio.handOver();
  tellProcess(request, pid);
  return 0;
}

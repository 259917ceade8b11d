import { messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import { Fd, OpenGate } from "../sys/mod.ts";
import type { ContainerPlace } from "./container_processes.ts";
import { TOKEN_FD } from "./token_pipe.ts";
import type { ProcessView } from "./process_view.ts";

/** Descriptors of an engine's shim: the gate before its /proc for others, and the file system there. */
export const GATED_PROC = { gate: TOKEN_FD + 1, root: TOKEN_FD + 2 } as const;
/** Milliseconds for which whoever looks waits for the guest. */
const PATIENCE = 2000;

/** The gate that this process was started with; nothing where there could be none. */
export function findGate(): OpenGate | undefined {
  return OpenGate.isAt(GATED_PROC.gate) ? new OpenGate(new Fd(GATED_PROC.gate)) : undefined;
}

/**
 * Shows the processes of a container to those who look at /proc in this process's mount namespace, until the gate is
 * released. What it takes is loaded when somebody does. What cannot be done is logged.
 */
export async function showProcesses(gate: OpenGate, place: ContainerPlace): Promise<void> {
  const { container } = place;
  const log = getLogger("shim");
  const root = new Fd(GATED_PROC.root);
  try {
    gate.guard(root);
    let view: ProcessView | undefined;
    for (;;) {
      using waiting = new DisposableStack();
      for (const each of await gate.wait()) waiting.use(each);
      try {
        view ??= new (await import("./process_view.ts")).ProcessView(root);
        const { containerProcesses } = await import("./container_processes.ts");
        view.show(await containerProcesses(place, PATIENCE));
      } catch (error) {
        log.debug("processes not known", { container, reason: messageOf(error) });
      }
    }
  } catch (error) {
    log.debug("processes not shown", { container, reason: messageOf(error) });
  }
}

import { Failure, messageOf } from "../../../failure.ts";
import { pause } from "../../../sys/mod.ts";
import { trace } from "../../../trace.ts";
import { type MonitorConnection, QmpClient } from "../qmp.ts";

/** Memory that is in a file is left where it is (QMP: MigrationCapability). */
const ONLY_STATE = { capabilities: [{ capability: "x-ignore-shared", state: true }] };
/** Nobody on the network is told where the VM is now: its card gets another hardware address first. */
const NO_ANNOUNCEMENT = { "announce-rounds": 0 };
/** How long QEMU may take to save the state of its devices, in milliseconds, and the pause between two looks at it. */
const SAVE_TIME = 30_000, SAVE_PAUSE = 10;

/**
 * Writes the state of a VM's devices to a file; its memory is in one already. The VM stands still afterwards, and is of
 * no more use. One that is restored from the two goes on running, since this one ran (QMP: migrate).
 *
 * @param path of the file, to be made
 * @param socket path of a socket to be made meanwhile: QEMU may start no program, and opens no file for this
 * @throws {Failure} with QEMU's reason
 */
export async function saveState(monitor: QmpClient, path: string, socket: string): Promise<void> {
  using listener = Deno.listen({ transport: "unix", path: socket });
  using _socket = { [Symbol.dispose]: () => Deno.removeSync(socket) };
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    await monitor.execute("migrate-set-capabilities", ONLY_STATE);
    await monitor.execute("migrate", { uri: `unix:${socket}` });
    const connection = await listener.accept();
    await connection.readable.pipeTo(file.writable);
    await completed(monitor);
  } catch (cause) {
    throw new Failure(`Cannot save the VM: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Restores a VM from such a file: it runs when this resolves.
 *
 * @param descriptor of the file, in QEMU
 * @throws {QmpError} when QEMU refuses it
 * @throws {QmpProtocolError} when QEMU ends, as it does when the file does not fit
 */
export async function restoreState(connection: MonitorConnection, descriptor: number) {
  using _span = trace("restore", "QEMU");
  const resumed = Promise.withResolvers<void>();
  resumed.promise.catch(() => {});
  using monitor = await QmpClient.open(connection, {
    onEvent: ({ name }) => name === "RESUME" && resumed.resolve(),
    onEnd: resumed.reject,
  });
  // All is said at once: QEMU answers in order.
  await Promise.all([
    monitor.execute("migrate-set-capabilities", ONLY_STATE),
    monitor.execute("migrate-set-parameters", NO_ANNOUNCEMENT),
    monitor.execute("migrate-incoming", { uri: `fd:${descriptor}` }),
  ]);
  await resumed.promise;
}

async function completed(monitor: QmpClient): Promise<void> {
  for (let waited = 0; waited < SAVE_TIME; waited += SAVE_PAUSE) {
    const answer = await monitor.execute("query-migrate") as {
      status?: string;
      "error-desc"?: string;
    };
    if (answer.status === "completed") return;
    if (answer.status === "failed" || answer.status === "cancelled") {
      throw new Error(answer["error-desc"] ?? `QEMU says that it has ${answer.status}`);
    }
    await pause(SAVE_PAUSE);
  }
  throw new Error(`QEMU did not save it within ${SAVE_TIME / 1000} s`);
}

import { Failure, messageOf } from "../../failure.ts";
import { USER_CARD, type UserNetwork, type VmCard } from "../hypervisor.ts";
import { backendName, deviceName, hostForward, tapDevice, userDevice } from "./network_cards.ts";
import { type QmpClient, QmpError } from "./qmp.ts";

/**
 * Plugs in a card whose frames go through a tap. QEMU gets descriptors of its own for the tap (QMP: getfd).
 *
 * @throws {Failure} with QEMU's reason; nothing of it is left then
 */
export async function plugCard(monitor: QmpClient, card: VmCard): Promise<void> {
  const { id, mac, vhost } = card;
  await using undo = new AsyncDisposableStack();
  const pass = async (descriptors: readonly number[], what: string) => {
    const names: string[] = [];
    for (const [at, descriptor] of descriptors.entries()) {
      const fdname = `${backendName(id)}-${what}${at}`;
      await monitor.execute("getfd", { fdname }, [descriptor]);
      undo.defer(() => closeDescriptor(monitor, fdname));
      names.push(fdname);
    }
    return names.join(":");
  };
  try {
    const fds = await pass(card.queues, "queue");
    const fast = vhost.length > 0 ? { vhost: true, vhostfds: await pass(vhost, "vhost") } : {};
    const backend = { type: "tap", id: backendName(id), fds, ...fast };
    await plug(monitor, backend, tapDevice(card));
    undo.move();
  } catch (cause) {
    throw new Failure(`Cannot plug the network card ${mac} into the VM: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Plugs in the card behind QEMU's own gateway. @throws {Failure} with QEMU's reason; nothing of it is left then */
export async function plugUserNetwork(monitor: QmpClient, { ports }: UserNetwork): Promise<void> {
  const hostfwd = ports.map((port) => ({ str: hostForward(port) }));
  try {
    await plug(monitor, { type: "user", id: backendName(USER_CARD), hostfwd }, userDevice());
  } catch (cause) {
    throw new Failure(`Cannot plug the user network into the VM: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Takes a card away. One that is not there is fine.
 *
 * @param deleted resolves when QEMU has told that the device of that name is gone; false when it does not in time
 * @throws {Failure} when the guest does not let go of it
 */
export async function unplugCard(
  monitor: QmpClient,
  id: string,
  deleted: (device: string) => Promise<boolean>,
): Promise<void> {
  const device = deviceName(id);
  if (await askForRelease(monitor, device) && !await deleted(device)) {
    throw new Failure(
      `Cannot take the network card ${id} from the VM: its guest does not let go of it`,
      { hint: "a guest that is paused, or still boots, cannot: try again later" },
    );
  }
  await removeBackend(monitor, id);
}

/** @returns whether the guest is about to let go of a device; false when there is none */
async function askForRelease(monitor: QmpClient, device: string): Promise<boolean> {
  try {
    await monitor.execute("device_del", { id: device });
    return true;
  } catch (error) {
    if (isRefused(error, "DeviceNotFound")) return false;
    // An earlier command has been given up.
    if (error instanceof QmpError && /in the process of unplug/.test(error.description)) {
      return true;
    }
    throw error;
  }
}

async function plug(
  monitor: QmpClient,
  backend: { id: string } & Record<string, unknown>,
  device: Record<string, unknown>,
): Promise<void> {
  await using undo = new AsyncDisposableStack();
  await monitor.execute("netdev_add", backend);
  undo.defer(async () => void await monitor.execute("netdev_del", { id: backend.id }));
  await monitor.execute("device_add", device);
  undo.move();
}

async function removeBackend(monitor: QmpClient, id: string): Promise<void> {
  try {
    await monitor.execute("netdev_del", { id: backendName(id) });
  } catch (error) {
    if (!isRefused(error, "DeviceNotFound")) throw error;
  }
}

/** What a backend has taken is not there any more under its name. */
async function closeDescriptor(monitor: QmpClient, fdname: string): Promise<void> {
  try {
    await monitor.execute("closefd", { fdname });
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
  }
}

function isRefused(error: unknown, errorClass: string): boolean {
  return error instanceof QmpError && error.errorClass === errorClass;
}

function reasonOf(error: unknown): string {
  return error instanceof QmpError ? error.description : messageOf(error);
}

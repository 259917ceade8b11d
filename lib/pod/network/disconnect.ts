import { Failure } from "../../failure.ts";
import {
  deleteLink,
  detachEndpoint,
  getLink,
  isNetlinkError,
  NetlinkSocket,
  openNamespace,
} from "../../network/mod.ts";
import { ENODEV, type Fd, isSysError } from "../../sys/mod.ts";
import type { NetworkRecord } from "./network_record.ts";

const ENOENT = 2;

/**
 * Undoes what a record tells of.
 *
 * @throws {NetlinkError} when something cannot be undone; the rest has been tried all the same
 */
export function disconnect({ namespace, endpoints, bridge }: NetworkRecord): void {
  if (bridge) removeLink(bridge.link);
  using opened = namespace ? reopen(namespace) : undefined;
  if (!opened) return;
  using socket = NetlinkSocket.open(opened);
  const failures: unknown[] = [];
  for (const endpoint of endpoints) {
    try {
      detachEndpoint(socket, endpoint);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** A namespace that was used before; nothing when it has gone, and with it all that was changed. */
function reopen({ path, device, inode }: NonNullable<NetworkRecord["namespace"]>): Fd | undefined {
  let namespace: Fd;
  try {
    namespace = openNamespace(path);
  } catch (error) {
    if (isSysError(error, ENOENT) || error instanceof TypeError) return undefined;
    throw error;
  }
  const { dev, ino } = identify(namespace);
  if (dev === device && ino === inode) return namespace;
  namespace.close();
  return undefined;
}

/** What tells a namespace from every other. */
export function identify(namespace: Fd): { dev: number; ino: number } {
  const { dev, ino } = Deno.statSync(`/proc/self/fd/${namespace.number}`);
  if (ino === null) throw new Failure("Cannot tell the network namespace from others: no inode");
  return { dev, ino };
}

/** The kernel does it too, some time after the last process has left the pod's namespace. */
function removeLink(name: string): void {
  using socket = NetlinkSocket.open();
  try {
    deleteLink(socket, getLink(socket, name));
  } catch (error) {
    if (!isNetlinkError(error, ENODEV)) throw error;
  }
}

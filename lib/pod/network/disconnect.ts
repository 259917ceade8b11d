import { Failure } from "../../failure.ts";
import {
  deleteLink,
  detachEndpoint,
  getLink,
  isNetlinkError,
  NetlinkSocket,
  openNamespace,
  returnCard,
  type ReturnOptions,
} from "../../network/mod.ts";
import { ENODEV, type Fd, isSysError } from "../../sys/mod.ts";
import type { CardPlace, NamespacePlace, NetworkRecord } from "./network_record.ts";

const ENOENT = 2;

/**
 * Undoes what was done for cards; they are in no VM any more.
 *
 * @param host where cards of the host come back to
 * @throws {Failure} when a card of the host has no interface again
 * @throws {NetlinkError} when something cannot be undone; the rest has been tried all the same
 */
export async function disconnect(
  { namespace, cards }: Pick<NetworkRecord, "namespace" | "cards">,
  host: Pick<ReturnOptions, "host" | "sysfs"> = {},
): Promise<void> {
  const failures: unknown[] = [];
  using opened = namespace ? reopen(namespace) : undefined;
  for (const { place } of cards) {
    try {
      await undo(place, opened, host);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function undo(
  place: CardPlace,
  namespace: Fd | undefined,
  host: Pick<ReturnOptions, "host" | "sysfs">,
): Promise<void> {
  switch (place.kind) {
    case "bridge":
      return removeLink(place.link);
    case "namespace":
      if (namespace) detachEndpoint(namespace, place.endpoint);
      return;
    case "physical":
      return await returnCard(place.card, { ...host, namespace, link: place.link });
    case "vhost-user":
      return;
  }
}

/** A namespace that was used before; nothing when it has gone, and with it all that was changed. */
export function reopen({ path, device, inode }: NamespacePlace): Fd | undefined {
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

import { join } from "@std/path";
import { Failure } from "../failure.ts";
import type { Fd } from "../sys/mod.ts";
import { type LinkSnapshot, restoreLink } from "./link_snapshot.ts";
import { getLink, listLinks, NetlinkSocket, setLink } from "./netlink/mod.ts";
import { detachPhysical, type PhysicalRecord } from "./physical.ts";

/** How a network card gets back to where it was. */
export interface ReturnOptions {
  /** The pod's namespace; nothing when it has gone: its interface stays where the driver makes it. */
  namespace: Fd | undefined;
  /** How its interface was there: `captureLink`, taken before `attachPhysical`. */
  link: LinkSnapshot;
  /** A connection to the namespace where cards appear. Default: that of this process. */
  host?: NetlinkSocket;
  /** Milliseconds that the driver may take to make the interface. Default 5,000. */
  timeout?: number;
  /** Where sysfs is mounted. */
  sysfs?: string;
}

/**
 * Gives a network card back to its driver, and its interface to the pod's namespace, with index, name, addresses and
 * routes as they were: drivers make interfaces in the host's namespace. Doing it again changes nothing.
 *
 * @throws {Failure} when the driver makes no interface in time
 * @throws {NetlinkError} when something cannot be put back
 */
export async function returnCard(card: PhysicalRecord, options: ReturnOptions): Promise<void> {
  const { namespace, link, timeout = 5000, sysfs = "/sys" } = options;
  const back = namespace !== undefined && isThere(namespace, link);
  detachPhysical(card, sysfs);
  if (back || !namespace) return;
  const directory = join(sysfs, "bus/pci/devices", card.address, "net");
  const name = await awaitEntry(directory, timeout);
  if (name === undefined) {
    throw new Failure(`Cannot bring network card ${card.address} back: it has no interface`, {
      hint: `its driver was ${card.driver || "none"}`,
    });
  }
  using own = options.host ? undefined : NetlinkSocket.open();
  const host = options.host ?? own!;
  setLink(host, getLink(host, name), { namespace, indexThere: link.index, name: link.name });
  using there = NetlinkSocket.open(namespace);
  restoreLink(there, link);
}

/** Whether the interface has not left its namespace, or is back. */
function isThere(namespace: Fd, { index, name, mac }: LinkSnapshot): boolean {
  using socket = NetlinkSocket.open(namespace);
  return listLinks(socket).some((each) =>
    each.index === index && each.name === name && each.mac === mac
  );
}

/** The first name in a directory, once there is one. */
async function awaitEntry(directory: string, timeout: number): Promise<string | undefined> {
  const deadline = performance.now() + timeout;
  for (;;) {
    try {
      for (const { name } of Deno.readDirSync(directory)) return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    if (performance.now() >= deadline) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

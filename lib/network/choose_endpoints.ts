import { dirname, join } from "@std/path";
import { type DriverInfo, type Fd, readDriverInfo } from "../sys/mod.ts";
import { isPciAddress } from "./physical.ts";
import type { ScannedLink } from "./scan.ts";

/** How an interface gets into the VM. */
export type EndpointChoice =
  /** Through a tap, by an interworking model. */
  | { kind: "virtual"; link: ScannedLink }
  /** The card itself. */
  | { kind: "physical"; link: ScannedLink; address: string }
  /** Through the memory of a switch that runs as a program (vhost-user). */
  | { kind: "vhost-user"; link: ScannedLink; socket: string };

/** What is asked of the host for each interface. */
export interface HostFacts {
  /** Says who the driver of an interface is: `readDriverInfo` of lib/sys. */
  driver(link: ScannedLink): DriverInfo | undefined;
  /** Whether a path is a socket. */
  isSocket(path: string): boolean;
  /** Whether network cards may be given away as a whole. */
  passThrough: boolean;
}

/** What this host says of the interfaces of a namespace. @param passThrough see {@linkcode HostFacts} */
export function hostFacts(namespace: Fd, passThrough: boolean): HostFacts {
  return { driver: ({ name }) => readDriverInfo(namespace, name), isSocket, passThrough };
}

/** Where switches put their sockets: one directory for each address, `vhostuser_ADDRESS`. */
const VHOST_USER_DIRECTORY = "/tmp";
const VHOST_USER_SOCKET = "vhu.sock";

/**
 * Chooses how each interface of a namespace gets into the VM. Loopback links stay, those without any address (the spare
 * devices of tunnels and the like), ports of bridges, and our own.
 */
export function chooseEndpoints(links: readonly ScannedLink[], host: HostFacts): EndpointChoice[] {
  return links.filter(isForGuest).map((link) => choose(link, host));
}

function isForGuest({ loopback, addresses, master, name }: ScannedLink): boolean {
  return !loopback && addresses.length > 0 && master === 0 && !/^pv(tap|br)[0-9]+$/.test(name);
}

function choose(link: ScannedLink, host: HostFacts): EndpointChoice {
  const bus = host.passThrough && link.kind === "" ? host.driver(link)?.bus ?? "" : "";
  if (isPciAddress(bus)) return { kind: "physical", link, address: bus };
  for (const { address } of link.addresses) {
    const socket = join(VHOST_USER_DIRECTORY, `vhostuser_${address}`, VHOST_USER_SOCKET);
    if (host.isSocket(socket)) return { kind: "vhost-user", link, socket };
  }
  return { kind: "virtual", link };
}

/**
 * Whether a path is a socket, as {@linkcode HostFacts} asks. Anybody can make a directory where they are looked for: it
 * and the socket must belong to root or to this process's user.
 */
export function isSocket(path: string): boolean {
  try {
    const trusted = [0, Deno.uid()];
    const [directory, socket] = [Deno.lstatSync(dirname(path)), Deno.lstatSync(path)];
    const owned = [directory, socket].every(({ uid }) => uid !== null && trusted.includes(uid));
    return owned && directory.isDirectory && socket.isSocket === true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

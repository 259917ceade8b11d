import { cString, pause } from "../../sys/mod.ts";
import { addressBytes, addressFamily, broadcastOf, prefixLength } from "./address.ts";
import { indexOf, NET, read } from "./interface_files.ts";
import { loadModules } from "./modules.ts";
import { setRoutes } from "./routes.ts";
import { type InterfaceSpec, Refusal, type RouteSpec } from "./runtime.ts";
import { changeNetwork, RTM_NEWADDR, RTM_SETLINK, u32 } from "./rtnetlink.ts";

/** linux/if.h, linux/if_link.h, linux/if_addr.h */
const IFF_UP = 1;
const IFLA_IFNAME = 3, IFLA_MTU = 4;
const IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_BROADCAST = 4, IFA_F_NODAD = 2;

const LOOPBACK = 1;
/** How long a card that has just been plugged in may take to appear, and the pause between two looks, in milliseconds. */
const PATIENCE = 10_000, PAUSE = 20;

/** Brings lo up. @throws when the kernel refuses */
export function bringUpLoopback(): void {
  changeNetwork("bring up lo", RTM_SETLINK, link(LOOPBACK, true), []);
}

/** Sets up interfaces, then routes, as STARTPOD has them. @throws naming the one that failed */
export async function configureNetwork(
  interfaces: readonly InterfaceSpec[],
  routes: readonly RouteSpec[],
): Promise<void> {
  for (const each of interfaces) await setInterface(each);
  setRoutes(routes);
}

/**
 * Gives a network interface its name, size of packets and addresses, and brings it up. It is found by its hardware
 * address, or else by its name, and waited for.
 *
 * @throws {Refusal} when there is none, or an address is wrong
 */
export async function setInterface(wanted: InterfaceSpec): Promise<void> {
  loadModules("net");
  const found = await findInterface(wanted);
  const { newDeviceName: name, mtu } = wanted;
  const index = indexOf(found);
  if (name !== "" && name !== found) {
    makeRoom(name);
    changeNetwork(`rename ${found}`, RTM_SETLINK, link(index), [[IFLA_IFNAME, cString(name)]]);
  }
  if (mtu > 0) changeNetwork(`mtu of ${found}`, RTM_SETLINK, link(index), [[IFLA_MTU, u32(mtu)]]);
  for (const { ipAddress, netMask } of wanted.ipAddresses) {
    if (ipAddress === "") continue;
    const bytes = addressBytes(ipAddress);
    const length = prefixLength(netMask, bytes.length * 8);
    const isV4 = bytes.length === 4;
    const body = new Uint8Array(8);
    // Nobody else has the address: it was in use on the host's side of this interface.
    body.set([addressFamily(bytes), length, isV4 ? 0 : IFA_F_NODAD]);
    body.set(u32(index), 4);
    const attributes: [number, Uint8Array][] = [[IFA_LOCAL, bytes], [IFA_ADDRESS, bytes]];
    if (isV4 && length < 31) attributes.push([IFA_BROADCAST, broadcastOf(bytes, length)]);
    changeNetwork(`address ${ipAddress}`, RTM_NEWADDR, body, attributes);
  }
  changeNetwork(`bring up ${found}`, RTM_SETLINK, link(index, true), []);
}

/** Another interface that has the name gets out of the way: it is waiting for its own, or nobody's. */
function makeRoom(name: string): void {
  const index = Number(read(name, "ifindex"));
  if (index === 0) return;
  const other = cString(`pvold${index}`);
  changeNetwork(`rename ${name}`, RTM_SETLINK, link(index), [[IFLA_IFNAME, other]]);
}

/** struct ifinfomsg: family, type, index, flags, which of them change. */
function link(index: number, up = false): Uint8Array {
  const flags = up ? IFF_UP : 0;
  return new Uint8Array(Uint32Array.of(0, index, flags, flags).buffer);
}

async function findInterface(wanted: InterfaceSpec): Promise<string> {
  const { macAddr, device, newDeviceName } = wanted;
  const named = device === "" ? newDeviceName : device;
  const matches = (name: string) =>
    macAddr === "" ? name === named : read(name, "address") === macAddr.toLowerCase();
  for (let waited = 0;; waited += PAUSE) {
    const found = [...Deno.readDirSync(NET)].find(({ name }) => matches(name));
    if (found) return found.name;
    if (waited >= PATIENCE) {
      throw new Refusal(`no network interface ${macAddr === "" ? named : macAddr}`);
    }
    await pause(PAUSE);
  }
}

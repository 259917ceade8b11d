import { AF_INET, AF_INET6, cString, pause } from "../../sys/mod.ts";
import { addressBytes, prefixLength } from "./address.ts";
import { loadModules } from "./modules.ts";
import { type InterfaceSpec, Refusal, type RouteSpec } from "./runtime.ts";
import { changeNetwork, RTM_NEWADDR, RTM_NEWROUTE, RTM_SETLINK, u32 } from "./rtnetlink.ts";

/** linux/if.h, linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h */
const IFF_UP = 1;
const IFLA_IFNAME = 3, IFLA_MTU = 4;
const IFA_ADDRESS = 1, IFA_LOCAL = 2;
const RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PREFSRC = 7;
const RT_TABLE_MAIN = 254, RTPROT_BOOT = 3, RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0, RT_SCOPE_LINK = 253;

const LOOPBACK = 1;
const NET = "/sys/class/net";
const PATIENCE = 2000, PAUSE = 20;

/** Brings lo up. @throws when the kernel refuses */
export function bringUpLoopback(): void {
  changeNetwork("bring up lo", RTM_SETLINK, link(LOOPBACK, true), []);
}

/** Sets up interfaces, then routes, as STARTPOD has them. @throws naming the one that failed */
export async function configureNetwork(
  interfaces: readonly InterfaceSpec[],
  routes: readonly RouteSpec[],
): Promise<void> {
  if (interfaces.length > 0) loadModules("net");
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
  const found = await findInterface(wanted);
  const { newDeviceName: name, mtu } = wanted;
  const index = indexOf(found);
  if (name !== "" && name !== found) {
    changeNetwork(`rename ${found}`, RTM_SETLINK, link(index), [[IFLA_IFNAME, cString(name)]]);
  }
  if (mtu > 0) changeNetwork(`mtu of ${found}`, RTM_SETLINK, link(index), [[IFLA_MTU, u32(mtu)]]);
  for (const { ipAddress, netMask } of wanted.ipAddresses) {
    if (ipAddress === "") continue;
    const bytes = addressBytes(ipAddress);
    const body = new Uint8Array(8);
    body.set([family(bytes), prefixLength(netMask, bytes.length * 8)]);
    body.set(u32(index), 4);
    const attributes = [[IFA_LOCAL, bytes], [IFA_ADDRESS, bytes]] as const;
    changeNetwork(`address ${ipAddress}`, RTM_NEWADDR, body, attributes);
  }
  changeNetwork(`bring up ${found}`, RTM_SETLINK, link(index, true), []);
}

/** Adds routes, or replaces those to the same places. @throws naming the one that failed */
export function setRoutes(routes: readonly RouteSpec[]): void {
  for (const route of routes) setRoute(route);
}

function setRoute({ dest, gateway, device, src }: RouteSpec): void {
  const isDefault = dest === "" || dest === "default" || dest === "0.0.0.0/0" || dest === "::/0";
  const [network = "", length = ""] = isDefault ? [] : dest.split("/");
  const destination = isDefault ? undefined : addressBytes(network);
  const via = gateway === "" ? undefined : addressBytes(gateway);
  const isV6 = family(destination ?? via ?? new Uint8Array(dest === "::/0" ? 16 : 4)) === AF_INET6;
  const body = Uint8Array.of(
    isV6 ? AF_INET6 : AF_INET,
    destination ? prefixLength(length, destination.length * 8) : 0,
    0,
    0,
    RT_TABLE_MAIN,
    RTPROT_BOOT,
    via || isV6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
    RTN_UNICAST,
    ...[0, 0, 0, 0],
  );
  const attributes: [number, Uint8Array][] = [];
  if (destination) attributes.push([RTA_DST, destination]);
  if (via) attributes.push([RTA_GATEWAY, via]);
  if (device !== "") attributes.push([RTA_OIF, u32(indexOf(device))]);
  if (src !== "") attributes.push([RTA_PREFSRC, addressBytes(src)]);
  changeNetwork(`route to ${isDefault ? "default" : dest}`, RTM_NEWROUTE, body, attributes);
}

/** struct ifinfomsg: family, type, index, flags, which of them change. */
function link(index: number, up = false): Uint8Array {
  const flags = up ? IFF_UP : 0;
  return new Uint8Array(Uint32Array.of(0, index, flags, flags).buffer);
}

function family(address: Uint8Array): number {
  return address.length === 16 ? AF_INET6 : AF_INET;
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

/** @throws {Refusal} when there is no such interface */
function indexOf(name: string): number {
  const index = /^[^/\s]{1,15}$/.test(name) ? Number(read(name, "ifindex")) : 0;
  if (index <= 0) throw new Refusal(`no network interface ${name}`);
  return index;
}

function read(name: string, attribute: string): string {
  try {
    return Deno.readTextFileSync(`${NET}/${name}/${attribute}`).trim();
  } catch {
    return "";
  }
}

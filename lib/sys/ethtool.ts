import { EINVAL, EOPNOTSUPP } from "./errno.ts";
import { isSysError } from "./error.ts";
import type { Fd } from "./fd.ts";
import { cString } from "./memory.ts";
import { openSocketIn } from "./network_namespace.ts";
import { SYS } from "./numbers.ts";
import { AF_INET, SOCK_DGRAM } from "./socket.ts";
import { addressOf, syscall } from "./syscall.ts";

/** linux/sockios.h, linux/ethtool.h */
const SIOCETHTOOL = 0x8946, ETHTOOL_GDRVINFO = 3;
/** struct ethtool_drvinfo: u32 cmd, char driver[32], version[32], fw_version[32], bus_info[32], … */
const DRVINFO_SIZE = 196, DRIVER_AT = 4, BUS_INFO_AT = 100, TEXT_SIZE = 32;
const IFREQ_SIZE = 40, IFNAMSIZ = 16;

/** The driver of an interface, and where the device sits: `0000:00:03.0` for PCI; empty where there is no bus. */
export interface DriverInfo {
  driver: string;
  bus: string;
}

/**
 * Asks the driver of an interface who it is (ethtool's ETHTOOL_GDRVINFO).
 *
 * @returns nothing when the driver does not say
 * @throws {SysError} ENODEV when there is no such interface
 */
export function readDriverInfo(namespace: Fd, name: string): DriverInfo | undefined {
  using socket = openSocketIn(namespace, AF_INET, SOCK_DGRAM);
  const info = new Uint8Array(DRVINFO_SIZE);
  new DataView(info.buffer).setUint32(0, ETHTOOL_GDRVINFO, true);
  // struct ifreq: char name[16], void *data.
  const request = new Uint8Array(IFREQ_SIZE);
  request.set(cString(name).subarray(0, IFNAMSIZ));
  new DataView(request.buffer).setBigUint64(IFNAMSIZ, addressOf(info), true);
  try {
    syscall("ioctl SIOCETHTOOL", name, SYS.ioctl, socket.number, SIOCETHTOOL, request);
  } catch (error) {
    if (isSysError(error, EOPNOTSUPP, EINVAL)) return undefined;
    throw error;
  }
  return { driver: text(info, DRIVER_AT), bus: text(info, BUS_INFO_AT) };
}

function text(memory: Uint8Array, at: number): string {
  const bytes = memory.subarray(at, at + TEXT_SIZE);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

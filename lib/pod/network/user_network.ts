import type { GuestPod } from "../../agent/mod.ts";

/** The addresses of QEMU's user-mode network (QEMU's manual, "Using the user mode network stack"). */
const USER_NETWORK = {
  address: "10.0.2.15",
  prefix: "24",
  gateway: "10.0.2.2",
  mac: "52:54:00:12:34:56",
  mtu: 1500,
};

/** The name server that QEMU plays. */
export const USER_NAME_SERVER = "10.0.2.3";

/** Name of the interface in the guest. */
const INTERFACE = "eth0";

/** What the guest is told of QEMU's user-mode network. */
export function userNetwork(): Pick<GuestPod, "interfaces" | "routes"> {
  const { address, prefix, gateway, mac, mtu } = USER_NETWORK;
  return {
    interfaces: [{
      newDeviceName: INTERFACE,
      ipAddresses: [{ ipAddress: address, netMask: prefix }],
      mtu,
      macAddr: mac,
    }],
    routes: [{ dest: "default", gateway, device: INTERFACE }],
  };
}

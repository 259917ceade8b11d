import type { GuestPod } from "../agent/mod.ts";
import type { NetworkConfig } from "./records.ts";

/** The addresses of QEMU's user-mode network (QEMU's manual, "Using the user mode network stack"). */
const USER_NETWORK = {
  address: "10.0.2.15",
  prefix: "24",
  gateway: "10.0.2.2",
  dns: "10.0.2.3",
  mac: "52:54:00:12:34:56",
  mtu: 1500,
};

/** Name of a pod's first interface in the guest. */
const INTERFACE = "eth0";

/** What the guest is told of its network. */
export function networkOfPod(
  network: NetworkConfig,
): Pick<GuestPod, "interfaces" | "routes" | "dns" | "dnsSearch"> {
  if (network.kind === "none") return { interfaces: [], routes: [], dns: [], dnsSearch: [] };
  const { address, prefix, gateway, dns, mac, mtu } = USER_NETWORK;
  return {
    interfaces: [{
      newDeviceName: INTERFACE,
      ipAddresses: [{ ipAddress: address, netMask: prefix }],
      mtu,
      macAddr: mac,
    }],
    routes: [{ dest: "default", gateway, device: INTERFACE }],
    dns: [dns],
    dnsSearch: [],
  };
}

import { TEMPLATE_MAC } from "../../hypervisor/mod.ts";
import { openLoneTap } from "../../network/mod.ts";
import { newNetworkNamespace } from "../../sys/mod.ts";
import { cardOf, FIRST_CARD } from "./connect_links.ts";
import type { PodNetwork, ToldNetwork } from "./pod_network.ts";

/** What its guest is told, for the code that does it to be there: addresses and routes of every kind, a name server. */
const TOLD: ToldNetwork = {
  interfaces: [{
    newDeviceName: "eth0",
    // RFC 5737 and RFC 3849: nobody has these.
    ipAddresses: [{ ipAddress: "192.0.2.2", netMask: "24" }, {
      ipAddress: "2001:db8::2",
      netMask: "64",
    }],
    mtu: 1500,
    macAddr: TEMPLATE_MAC,
    cardAddr: TEMPLATE_MAC,
  }],
  routes: [
    { dest: "198.51.100.0/24", device: "eth0" },
    { dest: "default", gateway: "192.0.2.1", device: "eth0" },
    { dest: "::/0", gateway: "2001:db8::1", device: "eth0" },
  ],
  dns: ["192.0.2.1"],
  dnsSearch: ["example.invalid"],
};

/**
 * A network card whose tap leads nowhere, in a namespace with nothing else in it: both end with the VM. The tap is like
 * those of pods' interfaces, so that a guest sees no other card when it is restored with one of them.
 *
 * @throws {SysError}
 */
export function makeLoneCard(): PodNetwork {
  using opened = new DisposableStack();
  const namespace = opened.use(newNetworkNamespace());
  const tap = opened.use(openLoneTap(namespace));
  const card = cardOf(FIRST_CARD, { mac: TEMPLATE_MAC, mtu: null }, tap);
  const kept = opened.move();
  return {
    vm: { user: null, cards: [card], namespace },
    connect: () => Promise.resolve(TOLD),
    [Symbol.dispose]: () => kept.dispose(),
  };
}

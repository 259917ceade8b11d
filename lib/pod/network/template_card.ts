import type { GuestInterface } from "../../hyperstart/mod.ts";
import { TEMPLATE_MAC, type Vm } from "../../hypervisor/mod.ts";
import type { PodNetwork, ToldNetwork } from "./pod_network.ts";

/**
 * What the guest of a VM is told of its interfaces: of the first one, in a VM that was restored with a card, that its
 * card has the hardware address of the template's.
 */
export function interfacesIn(
  { template }: Pick<Vm, "template">,
  { vm }: Pick<PodNetwork, "vm">,
  { interfaces }: Pick<ToldNetwork, "interfaces">,
): GuestInterface[] {
  if (!template?.restored || template.details.network !== "card") return interfaces;
  const mac = vm.cards[0]?.mac;
  return interfaces.map((each) =>
    each.macAddr === mac ? { ...each, cardAddr: TEMPLATE_MAC } : each
  );
}

import type { VmOrigin } from "../hypervisor/mod.ts";
import { kindsOf } from "./kinds.ts";
import type { PodConfig } from "./records.ts";

/** What a pod's VM starts from, unless it is told. Only the built-in proxy tells how far the guest's clock is behind. */
export function originOf(config: PodConfig): VmOrigin | undefined {
  const { proxy, agent } = kindsOf(config);
  const can = (config.template ?? "off") !== "off" && proxy.kind === "builtin" &&
    agent === "hyperstart";
  return can ? { kind: "template" } : undefined;
}

/**
 * Whether a pod gets a spare where one waits. Sockets elsewhere and ports of the host are opened when QEMU starts, in
 * somebody else's network namespace it starts there, and the card of one that waits leads to a tap.
 */
export function takesSpare(
  origin: VmOrigin | undefined,
  { spares, sockets, network }: PodConfig,
): origin is Extract<VmOrigin, { kind: "template" }> {
  const ports = network.kind === "user" ? network.ports.length : 0;
  return origin?.kind === "template" && spares !== undefined && sockets === undefined &&
    ports === 0 && network.kind !== "netns" &&
    !(network.kind === "bridge" && network.model === "macvtap");
}

import type { TemplateDetails } from "../../hypervisor/mod.ts";
import { kindsOf } from "../kinds.ts";
import type { NetworkConfig, PodConfig } from "../records.ts";

/** The command line's options for a pod of the shape of a pod's template. */
export function shapeOptions(pod: PodConfig, shape: TemplateDetails): string[] {
  const { memoryMiB, vcpus } = shape;
  // What the configuration says of it is not for this pod, perhaps.
  const most = String(pod.maxVcpus ?? 0);
  const network = shape.network === "card" ? wordsOf(pod.network) : shape.network;
  const { path } = kindsOf(pod).hypervisor;
  return [
    ...["--memory", `${memoryMiB}M`, "--cpus", String(vcpus), "--max-cpus", most],
    ...["--network", network],
    ...["--share", "9p", "--proxy", "builtin", "--agent", "hyperstart"],
    ...["--hypervisor", path === null ? "qemu" : `qemu=${path}`],
    ...pod.kernel === null ? [] : ["--kernel", pod.kernel],
  ];
}

/**
 * The network of a VM that is for many pods: ports of the host are opened by the pods that are restored, and their cards
 * lead to where each pod's do. Pods of more processors get their cards plugged in.
 */
export function shapeOfNetwork({ network, vcpus }: PodConfig): NetworkConfig {
  switch (network.kind) {
    case "user":
      return { kind: "user", ports: [] };
    case "bridge":
    case "netns":
      return { kind: vcpus === 1 && network.model !== "none" ? "card" : "none" };
    default:
      return network;
  }
}

/** The network of a pod with cards as `--network` has it. */
function wordsOf(network: NetworkConfig): string {
  switch (network.kind) {
    case "bridge":
      return `bridge:${network.name}`;
    case "netns":
      return `netns:${network.path}`;
    default:
      return network.kind;
  }
}

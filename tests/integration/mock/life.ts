import { Qemu } from "../../../lib/hypervisor/mod.ts";
import {
  type ContainerConfig,
  createContainer,
  createPod,
  execInContainer,
  type PodConfig,
  type PodTools,
  removeContainer,
  removePod,
  startContainer,
  startPod,
  stopContainer,
  stopPod,
} from "../../../lib/pod/mod.ts";
import { command } from "../../unit/agent/scene.ts";

const FOREVER = new AbortController().signal;

/** What the pod `p` and its container `c` are to be. */
export interface LifeConfig {
  pod: PodConfig;
  container: ContainerConfig;
}

/** What can be done to the pod `p` and its container `c`. */
export const ACTIONS = {
  "pod create": (tools: PodTools, { pod }: LifeConfig) => createPod(tools, "p", pod, FOREVER),
  "pod start": (tools: PodTools) => startPod(tools, "p", FOREVER),
  "container create": (tools: PodTools, { container }: LifeConfig) =>
    createContainer(tools, "p", "c", container),
  "container start": (tools: PodTools) => startContainer(tools, "p", "c"),
  "container exec": (tools: PodTools) =>
    execInContainer(tools, {
      pod: "p",
      container: "c",
      command: () => command(["exit", "3"]),
      streams: { interactive: false, terminal: false },
      signal: FOREVER,
    }),
  "container stop": (tools: PodTools) => stopContainer(tools, "p", "c", 0),
  "container rm": (tools: PodTools) => removeContainer(tools, "p", "c", true),
  "pod stop": (tools: PodTools) => stopPod(tools, "p"),
  "pod rm": (tools: PodTools) => removePod(tools, "p", true),
} as const;

export type ActionName = keyof typeof ACTIONS;

/** What comes before most of them. */
const RUNNING: readonly ActionName[] = [
  "pod create",
  "pod start",
  "container create",
  "container start",
];

/** Each action, after those that it needs. */
export const COURSES: readonly (readonly ActionName[])[] = [
  ...RUNNING.map((_, index) => RUNNING.slice(0, index + 1)),
  [...RUNNING, "container exec"],
  [...RUNNING, "container stop"],
  [...RUNNING, "container stop", "container start"],
  [...RUNNING, "container rm"],
  [...RUNNING, "pod stop"],
  [...RUNNING, "pod stop", "pod start"],
  [...RUNNING, "pod rm"],
];

/** The action of a course, and what makes it another than in the courses before. */
export function nameOf(course: readonly ActionName[]): string {
  const last = course.at(-2) ?? "";
  return `${course.at(-1)}${last.endsWith("stop") ? ` after ${last}` : ""}`;
}

/** Starts the stand-in for QEMU and its guest. */
export function fakeHypervisor(binary: string): Qemu {
  const boot = { kernel: "/none", initrd: "/none", image: "/none" };
  return new Qemu({ boot, binary, accelerator: { kind: "tcg", reason: "a test" } });
}

import { exists } from "./guest_files.ts";
import type { ContainerPlan } from "./container_program.ts";

/** Hidden from containers, as container runtimes agree. */
const MASKED: ContainerPlan["masked"] = [
  { path: "/proc/acpi", kind: "directory" },
  { path: "/proc/asound", kind: "directory" },
  { path: "/proc/kcore", kind: "file" },
  { path: "/proc/keys", kind: "file" },
  { path: "/proc/latency_stats", kind: "file" },
  { path: "/proc/timer_list", kind: "file" },
  { path: "/proc/timer_stats", kind: "file" },
  { path: "/proc/sched_debug", kind: "file" },
  { path: "/proc/scsi", kind: "directory" },
  { path: "/sys/firmware", kind: "directory" },
];

/** Read-only in containers; /sys is so as a whole. */
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

type KernelFacts = Pick<ContainerPlan, "masked" | "readOnlyPaths" | "hasMqueue">;

let facts: KernelFacts | undefined;

/** What this kernel has of the paths that are hidden or read-only, and of optional file systems. Looked up once. */
export function kernelFacts(): KernelFacts {
  facts ??= {
    masked: MASKED.filter(({ path }) => exists(path)),
    readOnlyPaths: READ_ONLY.filter(exists),
    hasMqueue: exists("/proc/sys/fs/mqueue"),
  };
  return facts;
}

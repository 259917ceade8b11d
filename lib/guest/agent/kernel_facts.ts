import { kernelKind } from "./container_paths.ts";
import { exists } from "./guest_files.ts";
import type { ContainerPath } from "./mount_program.ts";

/** Hidden from containers, as container runtimes agree. */
const MASKED = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
];

/** Read-only in containers; /sys is so as a whole. */
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** What this kernel has of the paths that are hidden or read-only, and of optional file systems. */
export interface KernelFacts {
  masked: readonly ContainerPath[];
  readOnlyPaths: readonly ContainerPath[];
  hasMqueue: boolean;
}

let facts: KernelFacts | undefined;

/** Looked up once. */
export function kernelFacts(): KernelFacts {
  const there = (paths: readonly string[]) =>
    paths.flatMap((path): ContainerPath[] => {
      const kind = kernelKind(path);
      return kind === "absent" ? [] : [{ path, kind }];
    });
  facts ??= {
    masked: there(MASKED),
    readOnlyPaths: there(READ_ONLY),
    hasMqueue: exists("/proc/sys/fs/mqueue"),
  };
  return facts;
}

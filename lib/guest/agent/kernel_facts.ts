import type { ContainerPlan } from "./container_program.ts";

/** Hidden from containers, as container runtimes agree. */
const MASKED = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
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

type KernelFacts = Pick<ContainerPlan, "masked" | "readOnlyPaths" | "hasMqueue">;

let facts: KernelFacts | undefined;

/** What this kernel has of the paths that are hidden or read-only, and of optional file systems. Looked up once. */
export function kernelFacts(): KernelFacts {
  facts ??= {
    masked: MASKED.flatMap((path) => {
      const kind = kindOf(path);
      return kind ? [{ path, kind }] : [];
    }),
    readOnlyPaths: READ_ONLY.filter((path) => kindOf(path) !== undefined),
    hasMqueue: Deno.readTextFileSync("/proc/filesystems").includes("\tmqueue\n"),
  };
  return facts;
}

function kindOf(path: string): "directory" | "file" | undefined {
  try {
    return Deno.statSync(path).isDirectory ? "directory" : "file";
  } catch {
    return undefined;
  }
}

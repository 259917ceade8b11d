import type { Rlimit } from "../../hyperstart/mod.ts";
import { Refusal } from "./runtime.ts";

/** In the order of their numbers (asm-generic/resource.h). */
const NAMES = [
  "CPU",
  "FSIZE",
  "DATA",
  "STACK",
  "CORE",
  "RSS",
  "NPROC",
  "NOFILE",
  "MEMLOCK",
  "AS",
  "LOCKS",
  "SIGPENDING",
  "MSGQUEUE",
  "NICE",
  "RTPRIO",
  "RTTIME",
];

/** RLIMIT_NOFILE, of which the agent's own is raised. */
export const NOFILE = NAMES.indexOf("NOFILE");

/** A limit as the kernel takes it. */
export interface ResourceLimit {
  name: string;
  resource: number;
  /** struct rlimit64: u64 soft, hard limit. */
  values: Uint8Array;
  /** Whether the process must not start without it. */
  required: boolean;
}

/** What containers get instead of the agent's own limit; select(2) breaks above 1024. */
const FILES: ResourceLimit = {
  name: "NOFILE",
  resource: NOFILE,
  values: kernelValues(1024, 1048576),
  required: false,
};

/**
 * The limits for a process.
 *
 * @throws {Refusal} naming a limit that there is not
 */
export function resourceLimits(wanted: readonly Rlimit[]): ResourceLimit[] {
  if (wanted.length === 0) return [FILES];
  const limits = new Map([[NOFILE, FILES]]);
  for (const { type, soft, hard } of wanted) {
    const name = type.toUpperCase().replace(/^RLIMIT_/, "");
    const resource = NAMES.indexOf(name);
    if (resource < 0) {
      throw new Refusal(`Process could not be started: unknown resource limit ${type}`);
    }
    limits.set(resource, { name, resource, values: kernelValues(soft, hard), required: true });
  }
  return [...limits.values()];
}

/** JSON readers round the kernel's infinity, 2^64 - 1, to 2^64. */
function kernelValues(soft: number, hard: number): Uint8Array {
  const words = new Uint32Array(4);
  [soft, hard].forEach((value, at) => {
    words[2 * at] = value >= 2 ** 64 ? 0xffffffff : value;
    words[2 * at + 1] = value >= 2 ** 64 ? 0xffffffff : value / 2 ** 32;
  });
  return new Uint8Array(words.buffer);
}

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

const INFINITY = 0xffff_ffff_ffff_ffffn;

/** A limit as the kernel takes it. */
export interface ResourceLimit {
  name: string;
  resource: number;
  soft: bigint;
  hard: bigint;
  /** Whether the process must not start without it. */
  required: boolean;
}

/** What containers get instead of the agent's own limit; select(2) breaks above 1024. */
const FILES: ResourceLimit = {
  name: "NOFILE",
  resource: NOFILE,
  soft: 1024n,
  hard: 1048576n,
  required: false,
};

/**
 * The limits for a process.
 *
 * @throws {Refusal} naming a limit that there is not
 */
export function resourceLimits(wanted: readonly Rlimit[]): ResourceLimit[] {
  const limits = new Map([[NOFILE, FILES]]);
  for (const { type, soft, hard } of wanted) {
    const name = type.toUpperCase().replace(/^RLIMIT_/, "");
    const resource = NAMES.indexOf(name);
    if (resource < 0) {
      throw new Refusal(`Process could not be started: unknown resource limit ${type}`);
    }
    const values = { soft: kernelValue(soft), hard: kernelValue(hard) };
    limits.set(resource, { name, resource, ...values, required: true });
  }
  return [...limits.values()];
}

/** JSON readers round the kernel's infinity, 2^64 - 1, to 2^64. */
function kernelValue(value: number): bigint {
  return value >= 2 ** 64 ? INFINITY : BigInt(value);
}

import { CAPABILITY_NAMES, type CapabilitySets } from "../../hyperstart/mod.ts";
import { Refusal } from "./runtime.ts";

/** How many capabilities there are. */
export const CAPABILITY_COUNT = CAPABILITY_NAMES.length;

/**
 * What the Go agent gives to a container for which the host names nothing (hyperstart-protocol 7.3): chown,
 * dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod,
 * audit_write, setfcap.
 */
const DEFAULT = 0xa80425fbn;

/** Sets of capabilities, bit n for capability number n. */
export interface CapabilityMasks {
  bounding: bigint;
  effective: bigint;
  inheritable: bigint;
  permitted: bigint;
  ambient: bigint;
}

/**
 * The masks for a process.
 *
 * @param wanted lists of names, with or without `CAP_`; null leaves a list to `fallback`
 * @param fallback for a process that joins a container: the container's own
 * @throws {Refusal} naming a capability that there is not
 */
export function capabilityMasks(
  wanted: CapabilitySets,
  fallback: CapabilityMasks = {
    bounding: DEFAULT,
    effective: DEFAULT,
    inheritable: 0n,
    permitted: DEFAULT,
    ambient: 0n,
  },
): CapabilityMasks {
  const bounding = wanted.bounding ? maskOf(wanted.bounding) : fallback.bounding;
  // A list that was left out must not exceed what was given.
  const mask = (names: string[] | null, otherwise: bigint) =>
    names ? maskOf(names) : otherwise & bounding;
  const permitted = mask(wanted.permitted, fallback.permitted);
  return {
    bounding,
    permitted,
    effective: mask(wanted.effective, fallback.effective) & permitted,
    inheritable: mask(wanted.inheritable, fallback.inheritable),
    // The kernel refuses ambient capabilities that are not both permitted and inheritable.
    ambient: mask(wanted.ambient, fallback.ambient) & permitted &
      mask(wanted.inheritable, fallback.inheritable),
  };
}

function maskOf(names: readonly string[]): bigint {
  let mask = 0n;
  for (const name of names) {
    const number = CAPABILITY_NAMES.indexOf(name.toUpperCase().replace(/^CAP_/, ""));
    if (number < 0) throw new Refusal(`Process could not be started: unknown capability ${name}`);
    mask |= 1n << BigInt(number);
  }
  return mask;
}

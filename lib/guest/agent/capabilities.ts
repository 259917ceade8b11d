import { CAPABILITY_NAMES, type CapabilitySets } from "../../hyperstart/mod.ts";
import { Refusal } from "./runtime.ts";

/** How many capabilities there are. */
export const CAPABILITY_COUNT = CAPABILITY_NAMES.length;

/**
 * What the Go agent gives to a container for which the host names nothing (hyperstart-protocol 7.3): chown,
 * dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod,
 * audit_write, setfcap.
 */
export const DEFAULT_CAPABILITIES: readonly number[] = [
  0,
  1,
  3,
  4,
  5,
  6,
  7,
  8,
  10,
  13,
  18,
  27,
  29,
  31,
];

/** Sets of capabilities, by their numbers. */
export interface CapabilityNumbers {
  bounding: readonly number[];
  effective: readonly number[];
  inheritable: readonly number[];
  permitted: readonly number[];
  ambient: readonly number[];
}

/**
 * The sets for a process.
 *
 * @param wanted lists of names, with or without `CAP_`; null leaves a list to `fallback`
 * @param fallback for a process that joins a container: the container's own
 * @throws {Refusal} naming a capability that there is not
 */
export function capabilityNumbers(
  wanted: CapabilitySets,
  fallback: CapabilityNumbers = {
    bounding: DEFAULT_CAPABILITIES,
    effective: DEFAULT_CAPABILITIES,
    inheritable: [],
    permitted: DEFAULT_CAPABILITIES,
    ambient: [],
  },
): CapabilityNumbers {
  const bounding = wanted.bounding ? numbersOf(wanted.bounding) : fallback.bounding;
  // A list that was left out must not exceed what was given.
  const numbers = (names: string[] | null, otherwise: readonly number[]) =>
    names ? numbersOf(names) : common(otherwise, bounding);
  const permitted = numbers(wanted.permitted, fallback.permitted);
  const inheritable = numbers(wanted.inheritable, fallback.inheritable);
  return {
    bounding,
    permitted,
    effective: common(numbers(wanted.effective, fallback.effective), permitted),
    inheritable,
    // The kernel refuses ambient capabilities that are not both permitted and inheritable.
    ambient: common(common(numbers(wanted.ambient, fallback.ambient), permitted), inheritable),
  };
}

function common(some: readonly number[], others: readonly number[]): readonly number[] {
  return some === others ? some : some.filter((each) => others.includes(each));
}

function numbersOf(names: readonly string[]): number[] {
  return names.map((name) => {
    const number = CAPABILITY_NAMES.indexOf(name.toUpperCase().replace(/^CAP_/, ""));
    if (number >= 0) return number;
    throw new Refusal(`Process could not be started: unknown capability ${name}`);
  });
}

import { Failure } from "../failure.ts";
import { getLogger } from "../log.ts";
import type { SpecLinux, SpecMapping, SpecNamespace } from "./spec.ts";

/** Namespaces that containers can share, or do without. */
const SHARED = ["pid", "ipc", "uts"];
/** Every container has its own, or its pod has. */
const ALWAYS = ["mount", "cgroup", "network"];

/**
 * The namespaces that are not a container's own, by kind: a path of the host, or empty for the VM's.
 *
 * @throws {Failure} for those that a container cannot have
 */
export function namespacesOf(linux: SpecLinux): Record<string, string> {
  const { namespaces = [], timeOffsets = {}, uidMappings = [], gidMappings = [] } = linux;
  checkUsers(namespaces, [...uidMappings, ...gidMappings]);
  if (
    Object.values(timeOffsets).some(({ secs = 0, nanosecs = 0 }) => secs !== 0 || nanosecs !== 0)
  ) {
    throw new Failure("Cannot use linux.timeOffsets of the bundle: clocks are the VM's");
  }
  const known = new Set(namespaces.map(({ type = "" }) => type));
  if (known.size < namespaces.length) {
    throw new Failure("Cannot use linux.namespaces of the bundle: a type is there twice");
  }
  const unknown = [...known].filter((type) =>
    ![...SHARED, ...ALWAYS, "user", "time"].includes(type)
  );
  if (unknown.length > 0) {
    throw new Failure(`Cannot use linux.namespaces of the bundle: ${unknown[0]} is unknown`);
  }
  const paths = namespaces.filter(({ path = "" }) => path !== "");
  const ignored = paths.filter(({ type = "" }) => ["mount", "cgroup", "time"].includes(type));
  if (ignored.length > 0) {
    getLogger("oci").warn("paths of namespaces left out: a container in a VM has its own", {
      types: ignored.map(({ type }) => type).join(),
    });
  }
  const given = paths.filter(({ type = "" }) => SHARED.includes(type));
  const machines = SHARED.filter((type) => !known.has(type));
  return Object.fromEntries([
    ...machines.map((type) => [type, ""]),
    ...given.map(({ type, path }) => [type, path]),
  ]);
}

/** Users in the VM are those of the host's files: only a mapping that changes none can be had. */
function checkUsers(namespaces: readonly SpecNamespace[], mappings: readonly SpecMapping[]): void {
  const user = namespaces.find(({ type }) => type === "user");
  if (!user) return;
  const changing = mappings.find(({ containerID = 0, hostID = 0 }) => containerID !== hostID);
  if (changing || user.path) {
    throw new Failure(
      "Cannot use linux.uidMappings of the bundle: mapping users is not supported",
      { hint: "The VM keeps the container's root from the host; run it without a user namespace" },
    );
  }
  getLogger("oci").warn("user namespace left out: its users would be the same");
}

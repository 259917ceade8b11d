import { CAPABILITY_NAMES } from "../hyperstart/mod.ts";
import { HOOK_PHASES } from "./hooks.ts";
import { MOUNT_OPTIONS } from "./mount_options.ts";
import { ARCHITECTURE_NAMES, PROFILE_NAMES } from "./seccomp/mod.ts";
import { OCI_VERSION } from "./version.ts";

/**
 * What of the specification is supported (runtime-spec 1.1, features.md and features-linux.md).
 *
 * @param version of this program
 */
export function features(version: string): unknown {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: OCI_VERSION,
    hooks: HOOK_PHASES,
    mountOptions: MOUNT_OPTIONS,
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "uts"],
      capabilities: CAPABILITY_NAMES.map((name) => `CAP_${name}`),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: false, rdma: false },
      seccomp: {
        enabled: true,
        actions: PROFILE_NAMES.actions,
        operators: PROFILE_NAMES.operators,
        archs: ARCHITECTURE_NAMES,
        knownFlags: PROFILE_NAMES.flags,
        supportedFlags: PROFILE_NAMES.flags,
      },
      apparmor: { enabled: false },
      selinux: { enabled: false },
      intelRdt: { enabled: false },
    },
    annotations: { "io.podvisor.version": version, "io.podvisor.isolation": "vm" },
  };
}

import { HOOK_PHASES } from "./hooks.ts";
import { OCI_VERSION } from "./version.ts";

const MOUNT_OPTIONS = [
  ...["async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "lazytime"],
  ...["loud", "mand", "noatime", "nodev", "nodiratime", "noexec", "nolazytime", "nomand"],
  ...["norelatime", "nostrictatime", "nosuid", "nosymfollow", "private", "rbind", "relatime"],
  ...["ro", "rprivate", "rshared", "rslave", "runbindable", "rw", "shared", "silent", "slave"],
  ...["strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable"],
];
const SECCOMP = {
  actions: [
    ...["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS"],
    ...["SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"],
  ],
  operators: [
    ...["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT"],
    ...["SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"],
  ],
  archs: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
};

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
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: false, rdma: false },
      seccomp: { enabled: true, ...SECCOMP },
      apparmor: { enabled: false },
      selinux: { enabled: false },
      intelRdt: { enabled: false },
    },
    annotations: { "io.podvisor.version": version, "io.podvisor.isolation": "vm" },
  };
}

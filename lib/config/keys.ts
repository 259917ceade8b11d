/** Which proxy a pod has. */
export type ProxyKindName = "builtin" | "cc-proxy" | "noop";
/** Which shim a process has. */
export type ShimKindName = "builtin" | "cc-shim" | "noop";
export type HypervisorKindName = "qemu" | "mock";
export type AgentKindName = "hyperstart" | "noop";

/** How pods have to do with templates: they use and leave them, only use them, or do neither. */
export type TemplateUse = "auto" | "use" | "off";
export const TEMPLATE_USES: readonly TemplateUse[] = ["auto", "use", "off"];

/** All that can be configured, by its key in the file. null: not set. */
export interface ConfigValues {
  proxy: ProxyKindName;
  /** Program of cc-proxy. */
  proxy_path: string | null;
  /** Address of a proxy that somebody else runs. */
  proxy_url: string | null;
  shim: ShimKindName;
  /** Program of cc-shim. */
  shim_path: string | null;
  hypervisor: HypervisorKindName;
  qemu_path: string | null;
  agent: AgentKindName;
  /** Sockets of the guest's two ports; `{pod}` stands for the pod's name. */
  control_socket: string | null;
  stream_socket: string | null;
  kernel: string | null;
  /** Guest that is booted in place of the built-in one. */
  initrd: string | null;
  /** Disk of a guest that is booted in place of the built-in one. */
  image: string | null;
  memory_mib: number;
  vcpus: number;
  /** The most processors that a VM can have. 0: those of the host, and 8 at least. */
  max_vcpus: number;
  network: string;
  share: "9p" | "virtiofs";
  /** How disks are plugged into VMs. */
  block_driver: "virtio-scsi" | "virtio-blk";
  /** What is done with a root directory that is a whole disk: a device-mapper or loop device that is mounted there. */
  block_root: "share" | "plug";
  template: TemplateUse;
  /** How many VMs of each shape wait, restored, for the next pods, and for how many seconds at most. */
  spares: number;
  spare_time: number;
  /** Which `io.podvisor.…` annotations of a bundle hold, separated by commas. */
  annotations: string;
  log_level: "debug" | "info" | "warn" | "error";
  log_format: "text" | "json";
}

export type ConfigKey = keyof ConfigValues;

/** What a value may be. */
export type KeyRule =
  | { kind: "choice"; choices: readonly string[] }
  /** A file, absolute. */
  | { kind: "path" }
  | { kind: "text" }
  | { kind: "integer"; least: number; most: number };

/** Below this the guest's own kernel and agent do not fit. */
export const MIN_MEMORY_MIB = 160;
export const MAX_MEMORY_MIB = 1 << 24;
export const MAX_VCPUS = 240;
export const MAX_SPARES = 64;
/** A day, in seconds. */
export const MAX_SPARE_TIME = 86_400;

/** What holds when nobody says otherwise. */
export const DEFAULTS: Readonly<ConfigValues> = {
  proxy: "builtin",
  proxy_path: null,
  proxy_url: null,
  shim: "builtin",
  shim_path: null,
  hypervisor: "qemu",
  qemu_path: null,
  agent: "hyperstart",
  control_socket: null,
  stream_socket: null,
  kernel: null,
  initrd: null,
  image: null,
  memory_mib: 512,
  vcpus: 1,
  max_vcpus: 0,
  network: "none",
  share: "9p",
  block_driver: "virtio-scsi",
  block_root: "share",
  template: "auto",
  spares: 0,
  spare_time: 600,
  annotations: "memory,vcpus,template",
  log_level: "warn",
  log_format: "text",
};

/** The rule of each key, in the order in which they are printed. */
export const RULES: Readonly<Record<ConfigKey, KeyRule>> = {
  proxy: { kind: "choice", choices: ["builtin", "cc-proxy", "noop"] },
  proxy_path: { kind: "path" },
  proxy_url: { kind: "text" },
  shim: { kind: "choice", choices: ["builtin", "cc-shim", "noop"] },
  shim_path: { kind: "path" },
  hypervisor: { kind: "choice", choices: ["qemu", "mock"] },
  qemu_path: { kind: "path" },
  agent: { kind: "choice", choices: ["hyperstart", "noop"] },
  control_socket: { kind: "path" },
  stream_socket: { kind: "path" },
  kernel: { kind: "path" },
  initrd: { kind: "path" },
  image: { kind: "path" },
  memory_mib: { kind: "integer", least: MIN_MEMORY_MIB, most: MAX_MEMORY_MIB },
  vcpus: { kind: "integer", least: 1, most: MAX_VCPUS },
  max_vcpus: { kind: "integer", least: 0, most: MAX_VCPUS },
  network: { kind: "text" },
  share: { kind: "choice", choices: ["9p", "virtiofs"] },
  block_driver: { kind: "choice", choices: ["virtio-scsi", "virtio-blk"] },
  block_root: { kind: "choice", choices: ["share", "plug"] },
  template: { kind: "choice", choices: TEMPLATE_USES },
  spares: { kind: "integer", least: 0, most: MAX_SPARES },
  spare_time: { kind: "integer", least: 1, most: MAX_SPARE_TIME },
  annotations: { kind: "text" },
  log_level: { kind: "choice", choices: ["debug", "info", "warn", "error"] },
  log_format: { kind: "choice", choices: ["text", "json"] },
};

/** All keys, in order. */
export const CONFIG_KEYS = Object.keys(RULES) as readonly ConfigKey[];

/** Whether something is a key. */
export function isConfigKey(name: string): name is ConfigKey {
  return Object.hasOwn(RULES, name);
}

/** Why a value will not do for a key; nothing when it will. */
export function faultOf(key: ConfigKey, value: unknown): string | undefined {
  const rule = RULES[key];
  switch (rule.kind) {
    case "choice":
      if (typeof value === "string" && rule.choices.includes(value)) return undefined;
      return `it is one of ${rule.choices.map((each) => `"${each}"`).join(", ")}`;
    case "integer": {
      const { least, most } = rule;
      if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) {
        return undefined;
      }
      return `a whole number from ${least} to ${most} is needed`;
    }
    case "path":
      if (typeof value === "string" && value.startsWith("/")) return undefined;
      return "an absolute path is needed";
    case "text":
      return typeof value === "string" && value !== "" ? undefined : "a text is needed";
  }
}

import { Failure } from "../failure.ts";
import { getLogger } from "../log.ts";

/**
 * What becomes of a key of config.json: it holds, in the guest or on the host; it is left out with a warning that says
 * why; or a container that has it is refused. `each` walks into arrays.
 */
type Verdict =
  | "honoured"
  | { warned: string }
  | { refused: string }
  | { keys: Readonly<Record<string, Verdict>> }
  | { each: Verdict };

const HOST_LIMIT = "the VM's kernel has no such limit";
const IO_DEVICES = "the numbers of host devices mean nothing in the VM";
const REAL_TIME = "control groups of version 2 have none";
const RESCTRL = "caches are shared out by the host";

const HOOK: Verdict = {
  each: { keys: { path: "honoured", args: "honoured", env: "honoured", timeout: "honoured" } },
};

const MAPPING: Verdict = {
  each: { keys: { containerID: "honoured", hostID: "honoured", size: "honoured" } },
};

const OFFSET: Verdict = { keys: { secs: "honoured", nanosecs: "honoured" } };

const PROCESS: Verdict = {
  keys: {
    terminal: "honoured",
    consoleSize: { keys: { height: "honoured", width: "honoured" } },
    user: {
      keys: {
        uid: "honoured",
        gid: "honoured",
        umask: "honoured",
        additionalGids: "honoured",
        username: { warned: "it is Windows'" },
      },
    },
    args: "honoured",
    commandLine: { warned: "it is Windows'" },
    env: "honoured",
    cwd: "honoured",
    capabilities: {
      keys: {
        bounding: "honoured",
        effective: "honoured",
        inheritable: "honoured",
        permitted: "honoured",
        ambient: "honoured",
      },
    },
    rlimits: { each: { keys: { type: "honoured", soft: "honoured", hard: "honoured" } } },
    noNewPrivileges: "honoured",
    oomScoreAdj: "honoured",
    ioPriority: { keys: { class: "honoured", priority: "honoured" } },
    scheduler: {
      keys: {
        policy: "honoured",
        nice: "honoured",
        priority: "honoured",
        flags: "honoured",
        runtime: "honoured",
        deadline: "honoured",
        period: "honoured",
      },
    },
    apparmorProfile: { warned: "the VM's kernel has no profiles loaded; the VM confines it" },
    selinuxLabel: { warned: "the VM's kernel has no policy loaded; the VM confines it" },
  },
};

const RESOURCES: Verdict = {
  keys: {
    unified: "honoured",
    devices: {
      each: {
        keys: {
          allow: "honoured",
          type: "honoured",
          major: "honoured",
          minor: "honoured",
          access: "honoured",
        },
      },
    },
    pids: { keys: { limit: "honoured" } },
    memory: {
      keys: {
        limit: "honoured",
        reservation: "honoured",
        swap: "honoured",
        kernel: { warned: HOST_LIMIT },
        kernelTCP: { warned: HOST_LIMIT },
        swappiness: { warned: "control groups of version 2 have none" },
        disableOOMKiller: { warned: "control groups of version 2 cannot" },
        useHierarchy: "honoured",
        checkBeforeUpdate: { warned: "the kernel checks when the limit is set" },
      },
    },
    cpu: {
      keys: {
        shares: "honoured",
        quota: "honoured",
        period: "honoured",
        burst: "honoured",
        cpus: "honoured",
        mems: "honoured",
        idle: "honoured",
        realtimePeriod: { warned: REAL_TIME },
        realtimeRuntime: { warned: REAL_TIME },
      },
    },
    hugepageLimits: { each: { keys: { pageSize: "honoured", limit: "honoured" } } },
    blockIO: {
      keys: {
        weight: "honoured",
        leafWeight: { warned: "control groups of version 2 have none" },
        weightDevice: { warned: IO_DEVICES },
        throttleReadBpsDevice: { warned: IO_DEVICES },
        throttleWriteBpsDevice: { warned: IO_DEVICES },
        throttleReadIOPSDevice: { warned: IO_DEVICES },
        throttleWriteIOPSDevice: { warned: IO_DEVICES },
      },
    },
    network: { warned: "control groups of version 2 have neither classes nor priorities" },
    rdma: { warned: "the VM has no such adapters" },
  },
};

const SECCOMP: Verdict = {
  keys: {
    defaultAction: "honoured",
    defaultErrnoRet: "honoured",
    architectures: "honoured",
    flags: "honoured",
    syscalls: {
      each: {
        keys: {
          names: "honoured",
          action: "honoured",
          errnoRet: "honoured",
          args: {
            each: {
              keys: { index: "honoured", value: "honoured", valueTwo: "honoured", op: "honoured" },
            },
          },
        },
      },
    },
    listenerPath: { refused: "a listener on the host cannot be asked from within the VM" },
    listenerMetadata: { warned: "there is no listener" },
  },
};

const LINUX: Verdict = {
  keys: {
    namespaces: { each: { keys: { type: "honoured", path: "honoured" } } },
    uidMappings: MAPPING,
    gidMappings: MAPPING,
    timeOffsets: { keys: { monotonic: OFFSET, boottime: OFFSET } },
    devices: {
      each: {
        keys: {
          type: "honoured",
          path: "honoured",
          major: "honoured",
          minor: "honoured",
          fileMode: "honoured",
          uid: "honoured",
          gid: "honoured",
        },
      },
    },
    cgroupsPath: "honoured",
    sysctl: "honoured",
    resources: RESOURCES,
    rootfsPropagation: "honoured",
    seccomp: SECCOMP,
    maskedPaths: "honoured",
    readonlyPaths: "honoured",
    mountLabel: { warned: "the VM's kernel has no policy loaded; the VM confines it" },
    personality: { keys: { domain: "honoured", flags: { warned: "none is defined yet" } } },
    intelRdt: { warned: RESCTRL },
  },
};

/** config.json, runtime-spec 1.1. */
const CONFIG: Verdict = {
  keys: {
    ociVersion: "honoured",
    process: PROCESS,
    root: { keys: { path: "honoured", readonly: "honoured" } },
    hostname: "honoured",
    domainname: "honoured",
    mounts: {
      each: {
        keys: {
          destination: "honoured",
          type: "honoured",
          source: "honoured",
          options: "honoured",
          uidMappings: "honoured",
          gidMappings: "honoured",
        },
      },
    },
    hooks: {
      keys: {
        prestart: HOOK,
        createRuntime: HOOK,
        createContainer: HOOK,
        startContainer: HOOK,
        poststart: HOOK,
        poststop: HOOK,
      },
    },
    annotations: "honoured",
    linux: LINUX,
    solaris: { refused: "it is for another system" },
    windows: { refused: "it is for another system" },
    zos: { refused: "it is for another system" },
    vm: { warned: "the VM is podvisor's to choose: see its options and its configuration" },
  },
};

/** A key that is not honoured, or not known. */
export interface Finding {
  /** With dots: `linux.resources.rdma`. */
  key: string;
  kind: "warned" | "refused" | "unknown";
  why: string;
}

/** What of a configuration is not honoured. Keys that say nothing (null, empty, false, no limit) are nobody's loss. */
export function findUnsupported(config: unknown, verdict: Verdict = CONFIG, key = ""): Finding[] {
  if (!saysSomething(config) || verdict === "honoured") return [];
  if ("warned" in verdict) return [{ key, kind: "warned", why: verdict.warned }];
  if ("refused" in verdict) return [{ key, kind: "refused", why: verdict.refused }];
  if ("each" in verdict) {
    const items = Array.isArray(config) ? config : [];
    const found = items.flatMap((each) => findUnsupported(each, verdict.each, key));
    return found.filter((each, at) => found.findIndex((other) => other.key === each.key) === at);
  }
  return Object.entries(config as object).flatMap(([name, value]) => {
    const path = key === "" ? name : `${key}.${name}`;
    const known = Object.hasOwn(verdict.keys, name) ? verdict.keys[name] : undefined;
    if (known !== undefined) return findUnsupported(value, known, path);
    return saysSomething(value)
      ? [{ key: path, kind: "unknown" as const, why: "the specification does not have it" }]
      : [];
  });
}

/**
 * Sees to it that nothing of a configuration is left out in silence: warns of what is, and refuses what a container
 * could not be without.
 *
 * @throws {Failure} naming the first key that is refused
 */
export function checkSupport(config: unknown): void {
  const logger = getLogger("oci");
  for (const { key, kind, why } of findUnsupported(config)) {
    if (kind === "refused") throw new Failure(`Cannot use ${key} of the bundle: ${why}`);
    // Newer engines may well add some: the specification wants them to be ignored.
    if (kind === "unknown") logger.info("key of config.json left out", { key, why });
    else logger.warn("key of config.json left out", { key, why });
  }
}

function saysSomething(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === "") return false;
  // -1 and 0 are how limits are said to be none.
  if (typeof value === "number") return value > 0;
  return typeof value === "object" ? Object.values(value).some(saysAnything) : true;
}

/** In a list or an object, numbers and the like say something by being there. */
function saysAnything(value: unknown): boolean {
  return typeof value === "object" && value !== null ? saysSomething(value) : true;
}

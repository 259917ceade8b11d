import { Fields } from "./fields.ts";
import type {
  CapabilitySets,
  Complete,
  Constraints,
  DeviceRule,
  ExecCommand,
  FreezeContainer,
  FsMap,
  GuestDevice,
  GuestInterface,
  GuestMount,
  GuestRoute,
  KillContainer,
  NamedSignal,
  NamedWindowSize,
  NewContainer,
  OnlineResources,
  Process,
  ProcessEvent,
  PsContainer,
  RemoveContainer,
  Scheduling,
  SetupRoutes,
  StartHooks,
  StartPod,
  TmpfsMount,
  UpdateContainer,
  Volume,
  WindowSize,
} from "./messages.ts";

/*
 * Each parser takes the payload of a control frame from a peer that is not trusted and returns the message with every
 * key filled in. All throw `MessageError`. Types are checked, and numbers by their range; what a string means (a path,
 * an identifier, an address) is for the guest to judge.
 */

const MAX_U16 = 0xffff;
const MAX_U32 = 0xffffffff;
/** The kernel keeps the weight of a next hop, less one, in a byte. */
const MAX_WEIGHT = 256;
/** linux/oom.h, OOM_SCORE_ADJ_MAX */
const MAX_OOM_SCORE = 1000;
/** Largest signal number of Linux, SIGRTMAX. */
const MAX_SIGNAL = 64;

function capabilities(fields: Fields): CapabilitySets {
  return {
    bounding: fields.optionalStrings("bounding"),
    effective: fields.optionalStrings("effective"),
    inheritable: fields.optionalStrings("inheritable"),
    permitted: fields.optionalStrings("permitted"),
    ambient: fields.optionalStrings("ambient"),
  };
}

function process(fields: Fields): Complete<Process> {
  return {
    id: fields.string("id"),
    user: fields.string("user"),
    group: fields.string("group"),
    additionalGroups: fields.strings("additionalGroups"),
    terminal: fields.boolean("terminal"),
    stdio: fields.integer("stdio"),
    stderr: fields.integer("stderr"),
    args: fields.strings("args"),
    envs: fields.objects("envs", (env) => ({ env: env.string("env"), value: env.string("value") })),
    workdir: fields.string("workdir"),
    // RLIM_INFINITY is 2^64 - 1, which JSON readers round to 2^64.
    rlimits: fields.objects("rlimits", (limit) => ({
      type: limit.name("type"),
      hard: limit.limit("hard"),
      soft: limit.limit("soft"),
    })),
    noNewPrivileges: fields.boolean("noNewPrivileges"),
    capabilities: fields.object("capabilities", capabilities),
    rows: fields.integer("rows", MAX_U16),
    columns: fields.integer("columns", MAX_U16),
    outputCredit: fields.integer("outputCredit", MAX_U32),
    umask: fields.optionalInteger("umask", 0o777),
    oomScoreAdj: fields.integer("oomScoreAdj", MAX_OOM_SCORE, -MAX_OOM_SCORE),
    ioPriority: fields.integer("ioPriority", MAX_U16),
    scheduling: fields.optionalObject("scheduling", scheduling),
    personality: fields.optionalInteger("personality", MAX_U32),
    seccomp: fields.optionalObject("seccomp", (filter) => ({
      program: filter.name("program"),
      flags: filter.integer("flags", MAX_U32),
    })),
  };
}

function scheduling(fields: Fields): Complete<Scheduling> {
  return {
    policy: fields.integer("policy", MAX_U32),
    flags: fields.integer("flags", MAX_U32),
    nice: fields.integer("nice", 19, -20),
    priority: fields.integer("priority", 99),
    runtime: fields.integer("runtime"),
    deadline: fields.integer("deadline"),
    period: fields.integer("period"),
  };
}

function fsMap(fields: Fields): Complete<FsMap> {
  return {
    source: fields.string("source"),
    path: fields.name("path"),
    readOnly: fields.boolean("readOnly"),
    dockerVolume: fields.boolean("dockerVolume"),
    absolutePath: fields.boolean("absolutePath"),
    scsiAddr: fields.string("scsiAddr"),
  };
}

function volume(fields: Fields): Complete<Volume> {
  return {
    device: fields.string("device"),
    addr: fields.string("addr"),
    mount: fields.string("mount"),
    fstype: fields.string("fstype"),
    readOnly: fields.boolean("readOnly"),
    dockerVolume: fields.boolean("dockerVolume"),
  };
}

function constraints(fields: Fields): Complete<Constraints> {
  return {
    CPUQuota: fields.integer("CPUQuota", undefined, -1),
    CPUPeriod: fields.integer("CPUPeriod"),
    CPUShares: fields.integer("CPUShares"),
    CPUSet: fields.string("CPUSet"),
    MemoryLimit: fields.integer("MemoryLimit"),
    PidsLimit: fields.integer("PidsLimit"),
    files: fields.stringMap("files"),
  };
}

function tmpfs(fields: Fields): Complete<TmpfsMount> {
  return {
    path: fields.name("path"),
    size: fields.integer("size"),
    mode: fields.integer("mode", 0o7777),
    readOnly: fields.boolean("readOnly"),
    exec: fields.boolean("exec"),
  };
}

function guestMount(fields: Fields): Complete<GuestMount> {
  return {
    path: fields.name("path"),
    type: fields.name("type"),
    fsmap: fields.has("fsmap") ? fields.integer("fsmap", MAX_U32, -1) : -1,
    source: fields.string("source"),
    options: fields.strings("options"),
    set: fields.integer("set", MAX_U32),
    clear: fields.integer("clear", MAX_U32),
    setBelow: fields.integer("setBelow", MAX_U32),
    clearBelow: fields.integer("clearBelow", MAX_U32),
    propagation: fields.integer("propagation", MAX_U32),
    sharedAs: fields.string("sharedAs"),
    copyUp: fields.boolean("copyUp"),
  };
}

function guestDevice(fields: Fields): Complete<GuestDevice> {
  return {
    path: fields.name("path"),
    type: fields.string("type") === "p" ? "p" : "c",
    major: fields.integer("major", MAX_U32),
    minor: fields.integer("minor", MAX_U32),
    mode: fields.integer("mode", 0o7777),
    uid: fields.integer("uid", MAX_U32),
    gid: fields.integer("gid", MAX_U32),
  };
}

function startHooks(fields: Fields): Complete<StartHooks> {
  return {
    state: fields.string("state"),
    hooks: fields.objects("hooks", (hook) => ({
      path: hook.name("path"),
      args: hook.strings("args"),
      env: hook.strings("env"),
      timeout: hook.integer("timeout", MAX_U32),
    })),
  };
}

function deviceRule(fields: Fields): Complete<DeviceRule> {
  const type = fields.string("type");
  return {
    allow: fields.boolean("allow"),
    type: type === "b" || type === "c" ? type : "a",
    major: fields.integer("major", MAX_U32, -1),
    minor: fields.integer("minor", MAX_U32, -1),
    access: fields.string("access"),
  };
}

function guestInterface(fields: Fields): Complete<GuestInterface> {
  return {
    device: fields.string("device"),
    newDeviceName: fields.string("newDeviceName"),
    ipAddresses: fields.objects("ipAddresses", (address) => ({
      ipAddress: address.string("ipAddress"),
      netMask: address.string("netMask"),
    })),
    mtu: fields.integer("mtu", MAX_U32),
    macAddr: fields.string("macAddr"),
  };
}

function guestRoute(fields: Fields): Complete<GuestRoute> {
  return {
    dest: fields.string("dest"),
    gateway: fields.string("gateway"),
    device: fields.string("device"),
    src: fields.string("src"),
    metric: fields.integer("metric", MAX_U32),
    mtu: fields.integer("mtu", MAX_U32),
    onlink: fields.boolean("onlink"),
    nextHops: fields.objects("nextHops", (hop) => ({
      gateway: hop.string("gateway"),
      device: hop.string("device"),
      weight: hop.integer("weight", MAX_WEIGHT),
    })),
  };
}

/** Reads STARTPOD. */
export function parseStartPod(payload: Uint8Array): Complete<StartPod> {
  const fields = Fields.parse(payload, "startpod");
  return {
    hostname: fields.string("hostname"),
    interfaces: fields.objects("interfaces", guestInterface),
    routes: fields.objects("routes", guestRoute),
    dns: fields.strings("dns"),
    dnsSearch: fields.strings("dnsSearch"),
    dnsOptions: fields.strings("dnsOptions"),
    shareDir: fields.string("shareDir"),
    shareType: fields.string("shareType"),
    entropy: fields.string("entropy"),
    clockOffset: fields.integer("clockOffset", undefined, Number.MIN_SAFE_INTEGER),
  };
}

/** Reads NEWCONTAINER. */
export function parseNewContainer(payload: Uint8Array): Complete<NewContainer> {
  const fields = Fields.parse(payload, "newcontainer");
  return {
    id: fields.name("id"),
    rootfs: fields.string("rootfs"),
    image: fields.string("image"),
    fstype: fields.string("fstype"),
    scsiAddr: fields.string("scsiAddr"),
    volumes: fields.objects("volumes", volume),
    fsmap: fields.objects("fsmap", fsMap),
    sysctl: fields.stringMap("sysctl"),
    process: fields.object("process", process),
    restartPolicy: fields.string("restartPolicy"),
    initialize: fields.boolean("initialize"),
    systemMountsInfo: fields.object("systemMountsInfo", (info) => ({
      bindMountDev: info.boolean("bindMountDev"),
      devShmSize: info.integer("devShmSize"),
    })),
    constraints: fields.object("constraints", constraints),
    readOnly: fields.boolean("readOnly"),
    tmpfs: fields.objects("tmpfs", tmpfs),
    mounts: fields.objects("mounts", guestMount),
    devices: fields.objects("devices", guestDevice),
    deviceRules: fields.has("deviceRules") ? fields.objects("deviceRules", deviceRule) : null,
    maskedPaths: fields.optionalStrings("maskedPaths"),
    readonlyPaths: fields.optionalStrings("readonlyPaths"),
    hostname: fields.string("hostname"),
    domainname: fields.string("domainname"),
    propagation: fields.string("propagation"),
    namespaces: fields.stringMap("namespaces"),
    startHooks: fields.optionalObject("startHooks", startHooks),
  };
}

/** Reads new limits of a container. */
export function parseUpdateContainer(payload: Uint8Array): Complete<UpdateContainer> {
  const fields = Fields.parse(payload, "updatecontainer");
  return {
    container: fields.name("container"),
    constraints: fields.object("constraints", constraints),
  };
}

/** Reads whether a container is to stand still. */
export function parseFreezeContainer(payload: Uint8Array): Complete<FreezeContainer> {
  const fields = Fields.parse(payload, "freezecontainer");
  return { container: fields.name("container"), frozen: fields.boolean("frozen") };
}

/** Reads ONLINECPUMEM; zeros from a host that does not say what it has plugged in. */
export function parseOnlineResources(payload: Uint8Array): Complete<OnlineResources> {
  if (payload.length === 0) return { cpus: 0, memoryMiB: 0 };
  const fields = Fields.parse(payload, "onlinecpumem");
  return {
    cpus: fields.integer("cpus", MAX_U16),
    memoryMiB: fields.integer("memoryMiB", MAX_U32),
  };
}

/** Reads EXECCMD. */
export function parseExecCommand(payload: Uint8Array): Complete<ExecCommand> {
  const fields = Fields.parse(payload, "execcmd");
  return { container: fields.name("container"), process: fields.object("process", process) };
}

/** Reads KILLCONTAINER. */
export function parseKillContainer(payload: Uint8Array): Complete<KillContainer> {
  const fields = Fields.parse(payload, "killcontainer");
  return {
    container: fields.name("container"),
    signal: fields.integer("signal", MAX_SIGNAL),
    allProcesses: fields.boolean("allProcesses"),
  };
}

/** Reads REMOVECONTAINER. */
export function parseRemoveContainer(payload: Uint8Array): Complete<RemoveContainer> {
  return { container: Fields.parse(payload, "removecontainer").name("container") };
}

/** Reads PSCONTAINER. */
export function parsePsContainer(payload: Uint8Array): Complete<PsContainer> {
  const fields = Fields.parse(payload, "pscontainer");
  return {
    container: fields.name("container"),
    format: fields.string("format"),
    psargs: fields.strings("psargs"),
  };
}

/** Reads WINSIZE by sequence. */
export function parseWindowSize(payload: Uint8Array): Complete<WindowSize> {
  const fields = Fields.parse(payload, "winsize");
  return {
    seq: fields.integer("seq"),
    row: fields.integer("row", MAX_U16),
    column: fields.integer("column", MAX_U16),
  };
}

/** Reads WINSIZE by names. */
export function parseNamedWindowSize(payload: Uint8Array): Complete<NamedWindowSize> {
  const fields = Fields.parse(payload, "winsize");
  return {
    container: fields.name("container"),
    process: fields.name("process"),
    row: fields.integer("row", MAX_U16),
    column: fields.integer("column", MAX_U16),
  };
}

/** Reads SETUPINTERFACE. */
export function parseSetupInterface(payload: Uint8Array): Complete<GuestInterface> {
  return guestInterface(Fields.parse(payload, "setupinterface"));
}

/** Reads SETUPROUTE. */
export function parseSetupRoutes(payload: Uint8Array): Complete<SetupRoutes> {
  return { routes: Fields.parse(payload, "setuproute").objects("routes", guestRoute) };
}

/** Reads SIGNALPROCESS. */
export function parseNamedSignal(payload: Uint8Array): Complete<NamedSignal> {
  const fields = Fields.parse(payload, "signalprocess");
  return {
    container: fields.name("container"),
    process: fields.name("process"),
    signal: fields.integer("signal", MAX_SIGNAL),
  };
}

/** Reads PROCESSASYNCEVENT. */
export function parseProcessEvent(payload: Uint8Array): Complete<ProcessEvent> {
  const fields = Fields.parse(payload, "processasyncevent");
  return {
    container: fields.string("container"),
    process: fields.string("process"),
    event: fields.string("event"),
    status: fields.integer("status", 0xff),
  };
}

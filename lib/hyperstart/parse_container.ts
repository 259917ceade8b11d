import { Fields } from "./fields.ts";
import { process } from "./parse_process.ts";
import type { Complete } from "./complete.ts";
import type {
  Constraints,
  DeviceRule,
  FreezeContainer,
  FsMap,
  GuestDevice,
  GuestMount,
  NewContainer,
  StartHooks,
  TmpfsMount,
  UpdateContainer,
  Volume,
} from "./container_message.ts";

const MAX_U32 = 0xffffffff;

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
    guestRoot: fields.boolean("guestRoot"),
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
    held: fields.boolean("held"),
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

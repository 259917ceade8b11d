import {
  type Constraints,
  type ExecCommand,
  type FsMap,
  type GuestDialect,
  guestName,
  isCDialect,
  type NewContainer,
  type Process,
  type StartPod,
} from "../../hyperstart/mod.ts";
import { type Adapted, keepKeys, type KeyTable } from "./key_table.ts";

const ALL: readonly GuestDialect[] = ["builtin", "go", "c4242", "c4244"];
const GO: readonly GuestDialect[] = ["builtin", "go"];
const OURS: readonly GuestDialect[] = ["builtin"];
const C: readonly GuestDialect[] = ["builtin", "c4242", "c4244"];
const C44: readonly GuestDialect[] = ["builtin", "c4244"];

/*
 * What each guest takes (hyperstart-protocol 7). The order of the rows is the order on the wire: C hyperstart's parser
 * stops at a key of `process` that it does not know, so those that it needs come first.
 */

const START_POD: KeyTable<StartPod> = {
  hostname: ALL,
  interfaces: ALL,
  routes: ALL,
  dns: ALL,
  dnsSearch: C44,
  dnsOptions: C44,
  shareDir: ALL,
  shareType: OURS,
  shareLater: OURS,
  entropy: OURS,
  clockOffset: OURS,
};

const PROCESS: KeyTable<Process> = {
  stdio: ALL,
  stderr: ALL,
  args: ALL,
  terminal: ALL,
  user: ALL,
  group: ALL,
  additionalGroups: ALL,
  id: ["c4244"],
  envs: ALL,
  workdir: ALL,
  rows: ["builtin", "c4242"],
  columns: ["builtin", "c4242"],
  rlimits: OURS,
  noNewPrivileges: GO,
  capabilities: GO,
  outputCredit: OURS,
  umask: OURS,
  oomScoreAdj: OURS,
  ioPriority: OURS,
  scheduling: OURS,
  personality: OURS,
  seccomp: OURS,
};

const CONTAINER: KeyTable<NewContainer> = {
  id: ALL,
  rootfs: ALL,
  image: ALL,
  fstype: ALL,
  scsiAddr: GO,
  process: ALL,
  restartPolicy: ALL,
  initialize: ALL,
  fsmap: ALL,
  volumes: C,
  sysctl: C,
  readOnly: C44,
  systemMountsInfo: GO,
  constraints: GO,
  guestRoot: OURS,
  tmpfs: OURS,
  mounts: OURS,
  devices: OURS,
  deviceRules: OURS,
  maskedPaths: OURS,
  readonlyPaths: OURS,
  hostname: OURS,
  domainname: OURS,
  propagation: OURS,
  namespaces: OURS,
  startHooks: OURS,
  held: OURS,
};

const FSMAP: KeyTable<FsMap> = {
  source: ALL,
  path: ALL,
  readOnly: ALL,
  dockerVolume: ALL,
  absolutePath: GO,
  scsiAddr: GO,
};

const CONSTRAINTS: KeyTable<Constraints> = {
  CPUQuota: GO,
  CPUPeriod: GO,
  CPUShares: GO,
  CPUSet: OURS,
  MemoryLimit: OURS,
  PidsLimit: OURS,
  files: OURS,
};

/** Told to the terminal by WINSIZE too, and so not missed. */
const NOT_MISSED = ["process.rows", "process.columns"];

/** C hyperstart 1.1 names processes: the first of a container, and the further ones. */
const INIT_PROCESS = "init";

/** STARTPOD for a guest; interfaces and routes are `networkFor`'s. */
export function startPodFor(dialect: GuestDialect, message: StartPod): Adapted<StartPod> {
  const adapted = keepKeys(START_POD, dialect, message);
  const { dns } = adapted.message;
  if (!dns || !isCDialect(dialect)) return adapted;
  // A line for a name server has room for IPv4 only.
  const ipv4 = dns.filter((address) => !address.includes(":"));
  const dropped = ipv4.length === dns.length ? [] : ["dns (ipv6)"];
  return { message: { ...adapted.message, dns: ipv4 }, dropped: [...adapted.dropped, ...dropped] };
}

/** NEWCONTAINER for a guest. @throws {Error} for block devices, which C hyperstart can mount in its own way only */
export function containerFor(dialect: GuestDialect, whole: NewContainer): Adapted<NewContainer> {
  const { message, dropped } = keepKeys(CONTAINER, dialect, whole);
  const process = processFor(dialect, whole.process, INIT_PROCESS);
  const limits = keepKeys(CONSTRAINTS, dialect, whole.constraints, "constraints.");
  const fsmap = whole.fsmap?.map((entry) => fsMapFor(dialect, whole.id, entry));
  return {
    message: {
      ...message,
      process: process.message,
      ...(fsmap ? { fsmap } : {}),
      ...("constraints" in message ? { constraints: limits.message } : {}),
      ...(isCDialect(dialect) && whole.scsiAddr ? { addr: whole.scsiAddr } : {}),
    },
    dropped: [
      ...dropped.filter((key) => !["constraints", "scsiAddr", "guestRoot"].includes(key)),
      ...limits.dropped,
      ...process.dropped,
      // Carried by the Go agent, and not looked at.
      ...(dialect === "go" && whole.systemMountsInfo.devShmSize > 0 ? ["devShmSize"] : []),
    ],
  };
}

/** EXECCMD for a guest. */
export function execFor(dialect: GuestDialect, whole: ExecCommand): Adapted<ExecCommand> {
  const name = `exec-${crypto.randomUUID()}`;
  const { message, dropped } = processFor(dialect, whole.process, name);
  // Taken for a container's first process, ignored for the others (hyperstart-protocol 7.7).
  const ignored = dialect === "go" && whole.process.noNewPrivileges
    ? ["process.noNewPrivileges"]
    : [];
  return {
    message: { container: whole.container, process: message },
    dropped: [...dropped, ...ignored],
  };
}

function processFor(dialect: GuestDialect, whole: Process, id: string): Adapted<Process> {
  const { group = "", additionalGroups = [], user = "" } = whole;
  // C hyperstart looks at groups only where there is a user.
  const grouped = user === "" && (group !== "" || additionalGroups.length > 0);
  const named = { ...whole, id, ...(isCDialect(dialect) && grouped ? { user: "0" } : {}) };
  const { message, dropped } = keepKeys(PROCESS, dialect, named, "process.");
  const missed = dropped.filter((key) => key !== "process.id" && !NOT_MISSED.includes(key));
  return { message, dropped: missed };
}

function fsMapFor(dialect: GuestDialect, container: string, entry: FsMap): FsMap {
  const { message, dropped } = keepKeys(FSMAP, dialect, entry);
  if (dropped.length === 0) return message;
  throw new Error(
    `Cannot give ${entry.path} to the container ${container}: ${guestName(dialect)} takes no ` +
      "block devices besides the root file system",
  );
}

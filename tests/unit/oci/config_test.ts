import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { planDevices, rulesOf } from "../../../lib/oci/devices.ts";
import { namespacesOf } from "../../../lib/oci/namespaces.ts";
import { commandOf } from "../../../lib/oci/process.ts";
import { limitsOf } from "../../../lib/oci/resources.ts";

Deno.test("a process has its mask, priorities and scheduling in the kernel's numbers", () => {
  const command = commandOf({
    args: ["x"],
    user: { umask: 0o27 },
    oomScoreAdj: -5,
    ioPriority: { class: "IOPRIO_CLASS_RT", priority: 3 },
    scheduler: { policy: "SCHED_FIFO", priority: 10, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
    capabilities: { bounding: ["CAP_CHOWN", "CAP_FUTURE"], ambient: ["CAP_FUTURE"] },
  });
  assertEquals([command.umask, command.oomScoreAdj, command.ioPriority], [0o27, -5, 1 << 13 | 3]);
  const nothing = { nice: 0, runtime: 0, deadline: 0, period: 0 };
  assertEquals(command.scheduling, { policy: 1, flags: 1, priority: 10, ...nothing });
  // What the kernel does not know is left out.
  assertEquals([command.capabilities?.bounding, command.capabilities?.ambient], [
    ["CAP_CHOWN"],
    [],
  ]);
  const plain = commandOf({ args: ["x"] });
  assertEquals(
    [plain.umask, plain.oomScoreAdj, plain.ioPriority, plain.scheduling],
    Array(4).fill(undefined),
  );
});

Deno.test("a process that cannot be is refused by its key", () => {
  const refused = (process: object) => assertThrows(() => commandOf(process), Failure).message;
  const limit = { type: "RLIMIT_CPU", soft: 1, hard: 1 };
  assertEquals([
    refused({ rlimits: [limit, limit] }),
    refused({ ioPriority: { class: "IOPRIO_CLASS_BE", priority: 8 } }),
    refused({ ioPriority: { class: "best" } }),
    refused({ scheduler: { policy: "SCHED_NEVER" } }),
  ], [
    "Cannot use process.rlimits of the bundle: RLIMIT_CPU is there twice",
    "Cannot use process.ioPriority of the bundle: the priority is 8, not 0 to 7",
    'Cannot use process.ioPriority of the bundle: the class "best" is unknown',
    'Cannot use process.scheduler of the bundle: the policy "SCHED_NEVER" is unknown',
  ]);
});

Deno.test("limits beyond the common ones are files of the guest's control group", () => {
  const { files } = limitsOf({
    memory: { limit: 100, reservation: 50, swap: 150 },
    cpu: { burst: 7, idle: 1, mems: "0" },
    hugepageLimits: [{ pageSize: "2MB", limit: 4096 }, { pageSize: "1GB", limit: 2 ** 63 }],
    blockIO: { weight: 1000 },
    unified: { "memory.high": "90", "cpu.idle": "0" },
  });
  assertEquals(files, {
    "memory.low": "50",
    "memory.swap.max": "50",
    "cpu.max.burst": "7",
    "cpu.idle": "0",
    "cpuset.mems": "0",
    "hugetlb.2MB.max": "4096",
    "hugetlb.1GB.max": "max",
    "io.weight": "10000",
    "memory.high": "90",
  });
  assertEquals(limitsOf({ memory: { limit: 5, swap: -1 } }).files, { "memory.swap.max": "max" });
  assertEquals(limitsOf({ memory: { swap: 0 } }).files, undefined);
  const refused = (resources: object) =>
    assertThrows(() => limitsOf(resources), Failure).message.replace(/^.*?: /, "");
  assertEquals(refused({ memory: { limit: 9, swap: 8 } }), "swap, 8, is less than limit, 9");
  assertEquals(refused({ memory: { swap: 8 } }), "a limit of memory and swap needs one of memory");
  assertEquals(
    refused({ unified: { "../../x": "1" } }),
    '"../../x" is no file of a control group',
  );
});

Deno.test("namespaces that are not a container's own are the VM's, or at a path", () => {
  const types = (...names: string[]) => names.map((type) => ({ type }));
  assertEquals(namespacesOf({ namespaces: types("pid", "ipc", "uts", "mount", "network") }), {});
  assertEquals(namespacesOf({}), { pid: "", ipc: "", uts: "" });
  assertEquals(
    namespacesOf({ namespaces: [{ type: "ipc", path: "/x" }, ...types("pid", "time", "cgroup")] }),
    { uts: "", ipc: "/x" },
  );
  const identity = { containerID: 0, hostID: 0, size: 5 };
  const users = { namespaces: types("pid", "ipc", "uts", "user"), uidMappings: [identity] };
  assertEquals(namespacesOf(users), {});
  const refused = (linux: object) =>
    assertThrows(() => namespacesOf(linux), Failure).message.replace(/^Cannot use linux\./, "");
  assertEquals([
    refused({ ...users, gidMappings: [{ containerID: 0, hostID: 9, size: 1 }] }),
    refused({ timeOffsets: { boottime: { secs: 1 } } }),
    refused({ namespaces: types("pid", "pid") }),
    refused({ namespaces: types("moon") }),
  ], [
    "uidMappings of the bundle: mapping users is not supported",
    "timeOffsets of the bundle: clocks are the VM's",
    "namespaces of the bundle: a type is there twice",
    "namespaces of the bundle: moon is unknown",
  ]);
});

Deno.test("nodes are the guest's to make, block devices only where a rule is for them alone", async () => {
  const fuse = { path: "/dev/fuse", type: "c", major: 10, minor: 229 };
  const disk = { path: "/dev/disk", type: "b", major: 4095, minor: 1 };
  const all = { allow: true, access: "rwm" };
  assertEquals(await planDevices([{ ...fuse, fileMode: 0o100600, uid: 1 }, disk], [all]), {
    disks: [],
    nodes: [{ ...fuse, type: "c", mode: 0o600, uid: 1, gid: 0 }],
  });
  const only = { allow: true, type: "b", major: 4095, minor: 1, access: "r" };
  const missing = await planDevices([disk], [only]).catch((error) => error.message);
  assertEquals(
    missing,
    'Cannot use the bundle\'s device "/dev/disk": the host has no block device 4095:1',
  );
  assertEquals(rulesOf([all, { ...only, access: "" }]), [
    { allow: true, type: "a", major: -1, minor: -1, access: "rwm" },
    { allow: true, type: "b", major: 4095, minor: 1, access: "rwm" },
  ]);
});

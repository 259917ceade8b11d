import { assert, assertEquals } from "@std/assert";
import { capabilityNumbers } from "../../../../lib/guest/agent/capabilities.ts";
import { cpuWeight } from "../../../../lib/guest/agent/cgroup_limits.ts";
import { normal } from "../../../../lib/guest/agent/container_mounts.ts";
import {
  type ContainerPlan,
  containerProgram,
} from "../../../../lib/guest/agent/container_program.ts";
import { etcFiles } from "../../../../lib/guest/agent/etc_files.ts";
import type { PlannedMount } from "../../../../lib/guest/agent/mount_program.ts";
import { execProgram, type ProcessPlan } from "../../../../lib/guest/agent/process_program.ts";

const NO_LISTS = {
  bounding: null,
  effective: null,
  inheritable: null,
  permitted: null,
  ambient: null,
};

const PROCESS: ProcessPlan = {
  stdio: { descriptors: [10, 11, 12], terminal: undefined },
  identity: { uid: 1000, gid: 100, groups: [10, 29], home: "/" },
  capabilities: capabilityNumbers(NO_LISTS),
  noNewPrivileges: true,
  limits: [{ name: "CORE", resource: 4, values: new Uint8Array(16), required: true }],
  settings: { oomScoreAdj: 0, ioPriority: 0, scheduling: null, personality: null, seccomp: null },
  umask: 0o22,
  workdir: "/work/here",
  env: [],
  args: ["true"],
  candidates: ["/a/true", "/b/true"],
};

function newMount(path: string, type: string): PlannedMount {
  const source = { kind: "new", type, options: [], device: "", attributes: 0 } as const;
  return { path, source, make: true, changes: [] };
}

const PLAN: ContainerPlan = {
  root: 20,
  devpts: 21,
  procs: 22,
  namespaces: { made: 0, joined: [], named: [] },
  hostname: "",
  domainname: "",
  guestDev: false,
  readOnlyDev: false,
  devices: [],
  propagation: 0,
  mounts: [
    newMount("/proc", "proc"),
    newMount("/dev", "tmpfs"),
    {
      path: "/mnt/data",
      source: { kind: "tree", tree: 23, file: true },
      make: true,
      changes: [],
    },
  ],
  masked: [{ path: "/proc/kcore", kind: "file" }],
  readOnlyPaths: [{ path: "/proc/sys", kind: "directory" }],
  readOnlyRoot: true,
  sysctl: { "net.ipv4.ip_forward": "1" },
  makeWorkdir: true,
  process: PROCESS,
  held: false,
};

/** Checks that these calls are made, in this order. */
function inOrder(outline: readonly string[], ...calls: string[]): void {
  let from = 0;
  for (const call of calls) {
    const at = outline.indexOf(call, from);
    assert(at >= 0, `${call} is not made after ${outline[from - 1]}: ${outline.join("; ")}`);
    from = at + 1;
  }
}

Deno.test("the guest's own tree is let go of before anything of the container is looked up", () => {
  const outline = containerProgram(PLAN).outline();
  inOrder(outline, "mount /", "pivot_root the root", "umount the old root", "chdir /");
  const left = outline.indexOf("umount the old root");
  const lookedUp = outline.findIndex((each) => /^(openat2|open|mkdir|mknod|symlink) /.test(each));
  assert(left < lookedUp);
});

Deno.test("the root becomes read-only after all that is made in it", () => {
  inOrder(
    containerProgram(PLAN).outline(),
    "move_mount /dev",
    "mkdir /mnt",
    "mknod /mnt/data",
    "move_mount /mnt/data",
    "write /proc/sys/net/ipv4/ip_forward",
    "move_mount /proc/kcore",
    "move_mount /proc/sys",
    "mkdir /work/here",
    "mount_setattr /",
    "chdir /work/here",
    "execve /b/true",
  );
});

Deno.test("privileges are given up in the order that the kernel's rules dictate", () => {
  inOrder(
    containerProgram(PLAN).outline(),
    "prlimit64 CORE",
    "chdir /work/here",
    "prctl capability 40",
    "prctl keep capabilities",
    "setgroups 10,29",
    "setgid 100",
    "setuid 1000",
    "capset the process",
    "prctl no_new_privs",
    "execve /a/true",
    "execve /b/true",
  );
});

Deno.test("a container without extras makes no calls for them", () => {
  const outline = containerProgram({
    ...PLAN,
    procs: undefined,
    mounts: [newMount("/proc", "proc")],
    readOnlyRoot: false,
    makeWorkdir: false,
    process: { ...PROCESS, noNewPrivileges: false },
  }).outline();
  for (const call of ["unshare cgroup namespace", "mount_setattr /", "prctl no_new_privs"]) {
    assert(!outline.includes(call), call);
  }
  const rare = /mnt|mkdir \/work|setns|seccomp|oom_score|ioprio|sched_|personality|name /;
  assert(!outline.some((each) => rare.test(each)), outline.join("; "));
});

Deno.test("a filter comes last where no privileges can be gained, and before they are given up elsewhere", () => {
  const seccomp = { program: new Uint8Array(8), flags: 4 };
  const outline = (noNewPrivileges: boolean) => {
    const settings = { ...PROCESS.settings, seccomp };
    return containerProgram({ ...PLAN, process: { ...PROCESS, noNewPrivileges, settings } })
      .outline();
  };
  inOrder(
    outline(true),
    "capset the process",
    "prctl no_new_privs",
    // The many calls for signals are none that a filter must allow.
    "rt_sigprocmask no signal",
    "seccomp the process",
    "execve /a/true",
  );
  assertEquals(outline(true).at(-3), "seccomp the process");
  inOrder(outline(false), "seccomp the process", "setuid 1000", "capset the process");
  const signals = outline(true).filter((each) => each === "rt_sigaction signal 15");
  assertEquals(signals.length, 1);
});

Deno.test("what few containers have is set at its time", () => {
  const settings = {
    ...PROCESS.settings,
    oomScoreAdj: 5,
    ioPriority: 1 << 13,
    personality: 8,
    scheduling: { policy: 3, flags: 0, nice: 0, priority: 0, runtime: 0, deadline: 0, period: 0 },
  };
  const outline = containerProgram({
    ...PLAN,
    hostname: "name",
    domainname: "domain",
    namespaces: { made: 0, joined: [{ kind: "ipc", fd: 40 }, { kind: "pid", fd: 41 }], named: [] },
    devices: [{ path: "/dev/x", type: "c", major: 1, minor: 300, mode: 0o600, uid: 1, gid: 0 }],
    readOnlyDev: true,
    propagation: 1 << 20,
    process: { ...PROCESS, settings },
  }).outline();
  inOrder(
    outline,
    // The guest's, while it can be seen.
    "open /proc",
    "write cgroup.procs",
    "setns ipc namespace",
    "setns pid namespace",
    "clone a child",
    "sethostname name",
    "setdomainname domain",
    "pivot_root the root",
    "move_mount /mnt/data",
    "mknod /dev/x",
    "chown /dev/x",
    "mount_setattr /dev",
    "mount_setattr /",
    "mount_setattr /",
    "write self/oom_score_adj",
    "ioprio_set the process",
    "sched_setattr the process",
    "personality 8",
    "setuid 1000",
  );
});

Deno.test("a terminal becomes the controlling one and the console of a first process", () => {
  const process = { ...PROCESS, stdio: { descriptors: [10, 10, 10], terminal: "0" } } as const;
  const plan: ContainerPlan = {
    ...PLAN,
    process: { ...process, stdio: { descriptors: [10, 10, 10], terminal: "0" } },
  };
  inOrder(
    containerProgram(plan).outline(),
    "mknod console",
    "open_tree 0",
    "move_mount console",
    "setsid the process",
    "ioctl controlling terminal",
    "dup3 descriptor 2",
    "close_range descriptors",
  );
});

Deno.test("a further process joins the cgroup and the namespaces, then goes on in a child", () => {
  const outline = execProgram(30, 22, PROCESS).outline();
  inOrder(
    outline,
    "write cgroup.procs",
    "setns the container",
    "clone a child",
    "setsid the process",
    "setuid 1000",
    "execve /b/true",
  );
  assert(!outline.some((each) => each.startsWith("pivot_root")));
});

Deno.test("paths of mounts are brought to one form", () => {
  assertEquals(normal("/a//b/./c/"), "/a/b/c");
  assertEquals(normal("a"), "/a");
  assertEquals(normal("/"), "/");
});

Deno.test("CPU shares become the weight that version 2 of cgroups has for them", () => {
  assertEquals([2, 1024, 262144, 1, 1e9].map(cpuWeight), [1, 39, 10000, 1, 10000]);
});

Deno.test("a pod's name servers and host name become files that cannot be broken out of", () => {
  const pod = {
    hostname: "pod1",
    dns: ["10.0.2.3", "1.1.1.1\nnameserver 6.6.6.6"],
    dnsSearch: ["a.b", "c"],
    dnsOptions: ["ndots:2"],
    interfaces: [],
    routes: [],
    shareDir: "s",
    shareType: "",
    shareLater: false,
    entropy: "",
    clockOffset: 0,
  };
  const files = etcFiles(pod);
  assertEquals(files.map(({ name, needed }) => [name, needed]), [
    ["resolv.conf", true],
    ["hostname", false],
    ["hosts", false],
  ]);
  assertEquals(
    files[0]!.text,
    "nameserver 10.0.2.3\nnameserver 1.1.1.1nameserver6.6.6.6\nsearch a.b c\noptions ndots:2\n",
  );
  const [search, ...others] = etcFiles({ ...pod, hostname: "", dns: [] });
  assert(search!.text.startsWith("search "));
  assertEquals(others, []);
  assertEquals(etcFiles({ ...pod, hostname: "", dns: [], dnsSearch: [] }), []);
});

Deno.test("a pod is known by its name under all its addresses", () => {
  const ipAddresses = ["10.0.0.2", "fd00::2\n6.6.6.6 bank"].map((ipAddress) => {
    return { ipAddress, netMask: "24" };
  });
  const eth0 = {
    device: "",
    newDeviceName: "eth0",
    ipAddresses,
    mtu: 1500,
    macAddr: "",
    cardAddr: "",
  };
  const pod = { hostname: "pod1", dns: [], dnsSearch: [], dnsOptions: [], routes: [] };
  const share = { shareDir: "s", shareType: "", shareLater: false, entropy: "", clockOffset: 0 };
  const hosts = (interfaces: typeof eth0[]) =>
    etcFiles({ ...pod, ...share, interfaces }).find(({ name }) => name === "hosts")!.text;
  assertEquals(hosts([]), "127.0.0.1 localhost pod1\n::1 localhost ip6-localhost\n");
  assertEquals(
    hosts([eth0]),
    "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.2 pod1\nfd00::26.6.6.6bank pod1\n",
  );
});

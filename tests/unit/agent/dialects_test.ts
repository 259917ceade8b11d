import { assertEquals, assertThrows } from "@std/assert";
import { containerFor, execFor, startPodFor } from "../../../lib/agent/hyperstart/dialects.ts";
import { checkSize } from "../../../lib/agent/hyperstart/message_size.ts";
import { containerMessage, processMessage } from "../../../lib/agent/hyperstart/messages.ts";
import { networkFor } from "../../../lib/agent/hyperstart/network.ts";
import {
  dialectOfVersion,
  GUEST_DIALECTS,
  type GuestDialect,
  type GuestInterface,
  type GuestRoute,
} from "../../../lib/hyperstart/mod.ts";
import type { LogFields, Logger } from "../../../lib/log.ts";
import { command, container } from "./scene.ts";

const CAPABILITIES = {
  bounding: ["CAP_KILL"],
  effective: [],
  inheritable: [],
  permitted: [],
  ambient: [],
};

/** A container that asks for everything. */
const DEMANDING = container("c", ["sh"], {
  readOnlyRoot: true,
  shmSize: 1024,
  cpu: { quota: 50_000, period: 100_000, shares: 512 },
  mounts: [{ source: "c:0-data", destination: "/data", readOnly: true }],
  command: command(["sh", "-c", "x=1=2"], {
    env: [{ env: "A", value: "b=c" }],
    user: "daemon",
    group: "adm",
    additionalGroups: ["mail", "7"],
    capabilities: CAPABILITIES,
    noNewPrivileges: true,
    limits: [{ type: "RLIMIT_NOFILE", hard: 9, soft: 8 }],
    size: { rows: 24, columns: 80 },
  }),
});

/** A logger that keeps warnings. */
function recorder(): { logger: Logger; warnings: [string, LogFields | undefined][] } {
  const warnings: [string, LogFields | undefined][] = [];
  const nothing = () => {};
  const logger: Logger = {
    debug: nothing,
    info: nothing,
    warn: (message, fields) => void warnings.push([message, fields]),
    error: nothing,
    with: () => logger,
  };
  return { logger, warnings };
}

Deno.test("GETVERSION tells C hyperstart's versions; an answer without a version is the Go agent's", () => {
  assertEquals(dialectOfVersion(Uint8Array.of(0, 0, 0x10, 0x92)), "c4242");
  assertEquals(dialectOfVersion(Uint8Array.of(0, 0, 0x10, 0x93)), "c4244");
  assertEquals(dialectOfVersion(Uint8Array.of(0, 0, 0x10, 0x94)), "c4244");
  assertEquals(dialectOfVersion(new Uint8Array()), "go");
  assertEquals(dialectOfVersion(new Uint8Array(5)), "go");
});

Deno.test("the built-in guest gets all of a container's message", () => {
  const whole = containerMessage(DEMANDING);
  const { message, dropped } = containerFor("builtin", whole);
  assertEquals(message, whole);
  assertEquals(dropped, []);
  assertEquals(whole.process, {
    terminal: false,
    args: ["sh", "-c", "x=1=2"],
    envs: [{ env: "A", value: "b=c" }],
    workdir: "/",
    user: "daemon",
    group: "adm",
    additionalGroups: ["mail", "7"],
    rlimits: [{ type: "RLIMIT_NOFILE", hard: 9, soft: 8 }],
    noNewPrivileges: true,
    capabilities: CAPABILITIES,
    rows: 24,
    columns: 80,
  });
});

Deno.test("what the Go agent does not do is not passed over in silence", () => {
  const { message, dropped } = containerFor("go", containerMessage(DEMANDING));
  assertEquals(dropped, ["readOnly", "process.rlimits", "devShmSize"]);
  assertEquals(message.systemMountsInfo, { bindMountDev: false, devShmSize: 1024 });
  assertEquals(message.constraints, { CPUQuota: 50_000, CPUPeriod: 100_000, CPUShares: 512 });
  assertEquals("rlimits" in message.process, false);
});

Deno.test("C hyperstart gets only keys that its parser knows, those that it needs of a process first", () => {
  for (const dialect of ["c4242", "c4244"] as const) {
    const { message, dropped } = containerFor(dialect, containerMessage(DEMANDING));
    const isLater = dialect === "c4244";
    assertEquals(Object.keys(message), [
      "id",
      "rootfs",
      "image",
      "process",
      "restartPolicy",
      "initialize",
      "fsmap",
      ...(isLater ? ["readOnly"] : []),
    ]);
    assertEquals(Object.keys(message.process), [
      "args",
      "terminal",
      "user",
      "group",
      "additionalGroups",
      ...(isLater ? ["id"] : []),
      "envs",
      "workdir",
      ...(isLater ? [] : ["rows", "columns"]),
    ]);
    assertEquals(message.fsmap, [
      { source: "c:0-data", path: "/data", readOnly: true, dockerVolume: false },
    ] as unknown);
    assertEquals(dropped.toSorted(), [
      "constraints.CPUPeriod",
      "constraints.CPUQuota",
      "constraints.CPUShares",
      "process.capabilities",
      "process.noNewPrivileges",
      "process.rlimits",
      ...(isLater ? [] : ["readOnly"]),
      "systemMountsInfo",
    ]);
  }
});

Deno.test("a container that asks for nothing special misses nothing with any guest", () => {
  for (const dialect of GUEST_DIALECTS) {
    assertEquals(containerFor(dialect, containerMessage(container("c", ["x"]))).dropped, []);
    const exec = { container: "c", process: processMessage(command(["x"])) };
    assertEquals(execFor(dialect, exec).dropped, []);
  }
});

Deno.test("processes have names of their own where the guest tells them by name", () => {
  const exec = { container: "c", process: processMessage(command(["x"])) };
  const init = containerFor("c4244", containerMessage(container("c", ["x"]))).message.process.id;
  const ids = [init, execFor("c4244", exec).message.process.id];
  ids.push(execFor("c4244", exec).message.process.id);
  assertEquals(init, "init");
  assertEquals(new Set(ids).size, 3);
  for (const dialect of ["builtin", "go", "c4242"] as const) {
    assertEquals("id" in execFor(dialect, exec).message.process, false);
  }
});

Deno.test("a user and a group in one are told apart, and a C guest gets a user with every group", () => {
  const { user, group } = processMessage(command(["x"], { user: "1000:100" }));
  assertEquals([user, group], ["1000", "100"]);
  const exec = {
    container: "c",
    process: processMessage(command(["x"], { additionalGroups: ["mail"] })),
  };
  assertEquals(execFor("c4242", exec).message.process.user, "0");
  assertEquals("user" in execFor("go", exec).message.process, false);
});

Deno.test("a block device reaches the guests that know its keys, and others refuse it with a reason", () => {
  const whole = containerMessage(container("c", ["x"]));
  const device = {
    source: "/dev/vdb",
    path: "/disk",
    readOnly: false,
    dockerVolume: false,
    absolutePath: true,
    scsiAddr: "",
  };
  const message = { ...whole, fsmap: [device], fstype: "ext4", scsiAddr: "1:0" };
  assertEquals(containerFor("go", message).message.fsmap, [device]);
  assertThrows(
    () => containerFor("c4242", message),
    Error,
    "Cannot give /disk to the container c: C hyperstart 4242 takes no block devices",
  );
  const root = containerFor("c4244", { ...message, fsmap: [] }).message;
  assertEquals(Object.hasOwn(root, "scsiAddr"), false);
  assertEquals(root, { ...root, fstype: "ext4", ...{ addr: "1:0" } });
});

Deno.test("CPU limits: a quota needs a period and a period a quota, shares stand alone", () => {
  const limits = (quota: number, period: number, shares: number) =>
    containerMessage(container("c", ["x"], { cpu: { quota, period, shares } })).constraints;
  const none = { CPUQuota: 0, CPUPeriod: 0, CPUShares: 0 };
  assertEquals(limits(5, 0, 0), none);
  assertEquals(limits(0, 5, 0), none);
  assertEquals(limits(0, 0, 5), { ...none, CPUShares: 5 });
  assertEquals(limits(4, 5, 6), { CPUQuota: 4, CPUPeriod: 5, CPUShares: 6 });
});

Deno.test("name servers and search domains go where the guest has room for them", () => {
  const whole = {
    hostname: "h",
    dns: ["10.0.0.1", "fd00::1"],
    dnsSearch: ["example.org"],
    shareDir: "tag",
  };
  assertEquals(startPodFor("builtin", whole), { message: whole, dropped: [] });
  assertEquals(startPodFor("go", whole).dropped, ["dnsSearch"]);
  const c = startPodFor("c4242", whole);
  assertEquals(c.message, { hostname: "h", dns: ["10.0.0.1"], shareDir: "tag" });
  assertEquals(c.dropped, ["dnsSearch", "dns (ipv6)"]);
  assertEquals(startPodFor("c4244", whole).message.dnsSearch, ["example.org"]);
});

const CARD = {
  newDeviceName: "lan0",
  ipAddresses: [
    { ipAddress: "10.0.0.2", netMask: "24" },
    { ipAddress: "fd00::2", netMask: "64" },
  ],
  mtu: 1400,
  macAddr: "02:00:00:00:00:01",
};
const ONLY_IPV6 = {
  ...CARD,
  newDeviceName: "lan1",
  ipAddresses: [{ ipAddress: "fd01::2", netMask: "64" }],
};

Deno.test("interfaces: each guest finds the card by what it knows, and gets a list of addresses, never null", () => {
  const { logger, warnings } = recorder();
  const of = (dialect: "builtin" | "go" | "c4242" | "c4244") =>
    networkFor(dialect, { interfaces: [CARD, ONLY_IPV6], routes: [] }, logger).interfaces;
  assertEquals(of("builtin"), [CARD, ONLY_IPV6]);
  assertEquals(warnings, []);
  const ipv4 = [{ ipAddress: "10.0.0.2", netMask: "24" }];
  assertEquals(of("go"), [{ ...CARD, ipAddresses: ipv4 }, { ...ONLY_IPV6, ipAddresses: [] }]);
  assertEquals(of("c4242"), [{ ...CARD, ipAddresses: ipv4 }]);
  assertEquals(of("c4244"), [
    { device: "eth0", newDeviceName: "lan0", ipAddresses: ipv4, mtu: 1400 },
    { device: "eth1", newDeviceName: "lan1", ipAddresses: [], mtu: 1400 },
  ] as unknown);
  assertEquals(warnings.length, 6);
  assertEquals(warnings[0], ["unsupported address", {
    "unsupported-address-type": "ipv6",
    address: "fd00::2",
    interface: "lan0",
  }]);
});

Deno.test("an interface that has its card's name is not renamed", () => {
  const { logger } = recorder();
  const eth0 = { ...CARD, newDeviceName: "eth0" };
  const { interfaces } = networkFor("c4244", { interfaces: [eth0], routes: [] }, logger);
  assertEquals("newDeviceName" in interfaces[0]!, false);
});

Deno.test("routes: the default route is named, on-link ones come first, IPv6 is warned of where it is unknown", () => {
  const { logger, warnings } = recorder();
  const routes = [
    { dest: "", gateway: "10.0.0.1", device: "lan0", metric: 9, src: "10.0.0.2" },
    { dest: "10.0.0.0/24", device: "lan0" },
    { dest: "::/0", gateway: "fd00::1", device: "lan0" },
    {
      dest: "10.7.0.0/16",
      nextHops: [
        { gateway: "10.0.0.8", device: "lan0", weight: 1 },
        { gateway: "10.0.0.9", device: "lan0", weight: 2 },
      ],
    },
  ];
  const of = (dialect: "builtin" | "go" | "c4244") =>
    networkFor(dialect, { interfaces: [], routes }, logger).routes;
  assertEquals(of("builtin"), [routes[1]!, routes[0]!, routes[2]!, routes[3]!]);
  assertEquals(warnings, []);
  const common = [
    { dest: "10.0.0.0/24", device: "lan0" },
    { dest: "10.7.0.0/16", gateway: "10.0.0.9", device: "lan0" },
  ];
  const first = { dest: "default", gateway: "10.0.0.1", device: "lan0" };
  assertEquals(of("c4244"), [common[0]!, first, common[1]!]);
  assertEquals(of("go"), [common[0]!, { ...first, src: "10.0.0.2" }, common[1]!]);
  assertEquals(warnings.map(([text, fields]) => [text, fields?.["unsupported-route-type"]]), [
    ["unsupported route", "ipv6"],
    ["unsupported route", "multipath"],
    ["unsupported route", "ipv6"],
    ["unsupported route", "multipath"],
  ]);
});

Deno.test("a message that is too long is refused before it is sent, with its largest parts", () => {
  const message = { id: "c", process: { args: ["x".repeat(300)], envs: ["y".repeat(500)] } };
  assertThrows(
    () => checkSize("newcontainer", message, 512),
    Error,
    "Cannot send newcontainer to the guest: it has 913 bytes, 512 are the most " +
      "(process.envs 504, process.args 304, id 3)",
  );
  checkSize("newcontainer", message, 913);
});

Deno.test("the built-in guest is not told of routes that come with addresses", () => {
  const { logger } = recorder();
  const eth0: GuestInterface = {
    newDeviceName: "eth0",
    ipAddresses: [{ ipAddress: "10.7.129.2", netMask: "17" }, {
      ipAddress: "10.8.0.1",
      netMask: "32",
    }],
    mtu: 1500,
    macAddr: "02:00:00:00:00:01",
  };
  const own = { dest: "10.7.128.0/17", device: "eth0", src: "10.7.129.2" };
  const others: GuestRoute[] = [
    { ...own, dest: "10.7.128.0/18" },
    { ...own, device: "eth1" },
    { ...own, src: "10.8.0.1" },
    { ...own, metric: 5 },
    { ...own, mtu: 1300 },
    { dest: own.dest, device: own.device },
    { dest: "10.8.0.1/32", device: "eth0", src: "10.8.0.1" },
    { ...own, gateway: "10.7.129.1" },
  ];
  const told = (dialect: GuestDialect) =>
    networkFor(dialect, { interfaces: [eth0], routes: [own, ...others] }, logger).routes;
  assertEquals(told("builtin"), others);
  assertEquals(told("go")[0], own);
});

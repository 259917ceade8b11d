import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ControlDecoder,
  encodeGuestHello,
  GoCode,
  MessageError,
  parseExecCommand,
  parseGuestHello,
  parseKillContainer,
  parseNewContainer,
  parseOnlineResources,
  parseProcessEvent,
  parsePsContainer,
  parseRemoveContainer,
  parseSequenceSignal,
  parseSetupInterface,
  parseSetupRoutes,
  parseStartPod,
  parseUpdateContainer,
  parseWindowSize,
  startFailureExitCode,
  startFailureMessage,
} from "../../../lib/hyperstart/mod.ts";
import { captures } from "../captures.ts";
import { seeded } from "../generated.ts";

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("startpod reads every key and fills in the missing ones", () => {
  assertEquals(parseStartPod(json({ hostname: "", shareDir: "hyperShared" })), {
    hostname: "",
    interfaces: [],
    routes: [],
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    shareDir: "hyperShared",
    shareType: "",
    shareLater: false,
    entropy: "",
    clockOffset: 0,
  });
  const pod = parseStartPod(json({
    hostname: "h",
    shareDir: "s",
    interfaces: [{
      newDeviceName: "eth0",
      ipAddresses: [{ ipAddress: "10.0.0.2", netMask: "24" }],
      mtu: 1500,
      macAddr: "02:00:00:00:00:01",
    }, { ipAddresses: null, mtu: 0, macAddr: "" }],
    routes: [{ dest: "default", gateway: "10.0.0.1", device: "eth0" }],
    dns: ["10.0.0.3"],
  }));
  assertEquals(pod.interfaces.map((nic) => nic.ipAddresses.length), [1, 0]);
  assertEquals(pod.routes[0], {
    dest: "default",
    gateway: "10.0.0.1",
    device: "eth0",
    src: "",
    metric: 0,
    mtu: 0,
    onlink: false,
    nextHops: [],
  });
  assertEquals(pod.dns, ["10.0.0.3"]);
});

Deno.test("keys match in any case, the last one wins, unknown ones are ignored", () => {
  const pod = parseStartPod(
    new TextEncoder().encode(
      '{"HOSTNAME":"a","hostName":"b","extra":{"x":[1]},"__proto__":{"dns":["x"]}}',
    ),
  );
  assertEquals(pod.hostname, "b");
  assertEquals(pod.dns, []);
});

Deno.test("null means the zero value, but capability sets tell null from empty", () => {
  const container = parseNewContainer(json({
    id: "c",
    rootfs: null,
    fsmap: null,
    sysctl: null,
    process: {
      args: null,
      terminal: null,
      stdio: null,
      umask: null,
      capabilities: { bounding: [], effective: null },
    },
  }));
  assertEquals(container.fsmap, []);
  assertEquals(container.sysctl, {});
  assertEquals(container.process.args, []);
  assertEquals(container.process.umask, null);
  assertEquals(container.process.capabilities.bounding, []);
  assertEquals(container.process.capabilities.effective, null);
  assertEquals(container.process.capabilities.ambient, null);
});

Deno.test("newcontainer reads podvisor's extension keys", () => {
  const container = parseNewContainer(json({
    id: "c",
    readOnly: true,
    systemMountsInfo: { devShmSize: 1 << 20 },
    constraints: { CPUQuota: -1, CPUPeriod: 100000, MemoryLimit: 1 << 26, PidsLimit: 9 },
    tmpfs: [{ path: "/tmp", size: 4096, mode: 0o1777 }],
    sysctl: { "net.ipv4.ip_forward": "1" },
    process: {
      rows: 24,
      columns: 80,
      umask: 0o27,
      rlimits: [{ type: "NOFILE", soft: 1024, hard: 2 ** 64 }],
    },
  }));
  assert(container.readOnly);
  assertEquals(container.systemMountsInfo.devShmSize, 1 << 20);
  assertEquals(container.constraints, {
    CPUQuota: -1,
    CPUPeriod: 100000,
    CPUShares: 0,
    CPUSet: "",
    MemoryLimit: 1 << 26,
    PidsLimit: 9,
    files: {},
  });
  assertEquals(container.tmpfs, [
    { path: "/tmp", size: 4096, mode: 0o1777, readOnly: false, exec: false },
  ]);
  assertEquals(container.sysctl, { "net.ipv4.ip_forward": "1" });
  const { rows, columns, umask, rlimits } = container.process;
  assertEquals({ rows, columns, umask }, { rows: 24, columns: 80, umask: 0o27 });
  assertEquals(rlimits, [{ type: "NOFILE", soft: 1024, hard: 2 ** 64 }]);
});

Deno.test("newcontainer reads what engines decide, bounded", () => {
  const mount = { path: "/m", type: "bind", fsmap: 0, set: 1, options: ["a=b"] };
  const container = parseNewContainer(json({
    id: "c",
    mounts: [mount, { path: "/p", type: "proc" }],
    devices: [{ path: "/dev/x", type: "c", major: 1, minor: 2, mode: 0o600 }],
    deviceRules: [{ allow: true, type: "x", major: -1, minor: 5, access: "r" }],
    maskedPaths: [],
    namespaces: { pid: "" },
    startHooks: { state: "{}", hooks: [{ path: "/h" }] },
    process: {
      oomScoreAdj: -1000,
      seccomp: { program: "AAAA", flags: 4 },
      scheduling: { policy: 1, priority: 9 },
    },
  }));
  const [first, second] = container.mounts;
  assertEquals([first!.fsmap, first!.set, first!.options], [0, 1, ["a=b"]]);
  assertEquals([second!.fsmap, second!.sharedAs, second!.copyUp], [-1, "", false]);
  assertEquals(container.deviceRules, [
    { allow: true, type: "a", major: -1, minor: 5, access: "r" },
  ]);
  assertEquals([container.maskedPaths, container.readonlyPaths], [[], null]);
  assertEquals(container.startHooks!.hooks, [{ path: "/h", args: [], env: [], timeout: 0 }]);
  assertEquals(container.process.seccomp, { program: "AAAA", flags: 4 });
  assertEquals(container.process.oomScoreAdj, -1000);
  assertEquals(container.process.scheduling!.priority, 9);
  const plain = parseNewContainer(json({ id: "c" }));
  assertEquals([plain.deviceRules, plain.startHooks, plain.process.seccomp], [null, null, null]);
  assertThrows(() => parseNewContainer(json({ id: "c", process: { oomScoreAdj: 1001 } })));
  assertThrows(() => parseNewContainer(json({ id: "c", mounts: [{ type: "proc" }] })));
});

Deno.test("the smaller messages read their keys", () => {
  assertEquals(parseKillContainer(json({ container: "c", signal: 9, allProcesses: true })), {
    container: "c",
    signal: 9,
    allProcesses: true,
  });
  assertEquals(parseRemoveContainer(json({ container: "c" })), { container: "c" });
  assertEquals(parsePsContainer(json({ container: "c", format: "json", psargs: null })), {
    container: "c",
    format: "json",
    psargs: [],
  });
  assertEquals(parseWindowSize(json({ seq: 3, row: 24, column: 80 })), {
    seq: 3,
    row: 24,
    column: 80,
  });
  assertEquals(parseSequenceSignal(json({ seq: 5, signal: 15 })), { seq: 5, signal: 15 });
  assertEquals(parseSetupRoutes(json({})), { routes: [] });
  assertEquals(parseSetupInterface(json({ device: "eth1" })).device, "eth1");
  const event = { container: "c", process: "init", event: "finished", status: 3 };
  assertEquals(parseProcessEvent(json({ ...event, info: "x" })), event);
});

Deno.test("a value of the wrong type is refused with its key named", () => {
  const cases: [() => unknown, string][] = [
    [() => parseStartPod(json({ hostname: 7 })), 'startpod: key "hostname" is 7, not a string'],
    [() => parseStartPod(json({ dns: "x" })), 'key "dns" is "x", not an array'],
    [() => parseStartPod(json({ dns: ["a", 1] })), 'key "dns[1]" is 1'],
    [
      () => parseStartPod(json({ interfaces: [{ mtu: -1 }] })),
      'startpod.interfaces[0]: key "mtu" is -1, not a whole number from 0',
    ],
    [() => parseStartPod(json({ interfaces: [[]] })), "interfaces[0]: it is not an object"],
    [() => parseStartPod(json([])), "startpod: it is not an object"],
    [() => parseNewContainer(json({})), 'key "id" is missing or empty'],
    [
      () => parseNewContainer(json({ id: "c", process: [] })),
      "newcontainer.process: it is not an object",
    ],
    [
      () => parseNewContainer(json({ id: "c", process: { terminal: "yes" } })),
      'newcontainer.process: key "terminal" is "yes", not true or false',
    ],
    [
      () => parseNewContainer(json({ id: "c", process: { capabilities: { ambient: {} } } })),
      'process.capabilities: key "ambient" is {}, not an array',
    ],
    [() => parseNewContainer(json({ id: "c", sysctl: { a: 1 } })), 'key "sysctl.a" is 1'],
    [() => parseExecCommand(json({ process: {} })), 'key "container" is missing or empty'],
    [
      () => parseExecCommand(json({ container: "c", process: { stdio: 1.5 } })),
      'key "stdio" is 1.5',
    ],
    [() => parseExecCommand(json({ container: "c", process: { stdio: 2 ** 60 } })), 'key "stdio"'],
    [() => parseKillContainer(json({ container: "c", signal: 65 })), "from 0 to 64"],
    [() => parseWindowSize(json({ seq: 3, row: 65536 })), 'key "row" is 65536'],
  ];
  for (const [read, message] of cases) assertThrows(read, MessageError, message);
});

Deno.test("malformed JSON and broken UTF-8 are refused, and long values quoted in part", () => {
  assertThrows(
    () => parseStartPod(new TextEncoder().encode("{")),
    MessageError,
    "Cannot read startpod",
  );
  assertThrows(
    () => parseStartPod(Uint8Array.of(0x22, 0xff, 0x22)),
    MessageError,
    "Cannot read startpod",
  );
  assertThrows(() => parseStartPod(new Uint8Array(0)), MessageError, "Cannot read startpod");
  const error = assertThrows(() => parseStartPod(json({ dns: "x".repeat(9000) })), MessageError);
  assert(error.message.length < 200);
});

Deno.test("generated damage to a message is read or refused, and nothing else", () => {
  const random = seeded(3);
  const good = JSON.stringify({
    id: "c",
    process: { args: ["a"], stdio: 3, envs: [{ env: "A", value: "b" }], capabilities: {} },
    fsmap: [{ source: "s", path: "/p" }],
  });
  const pieces = ['"', "{", "}", "[", "]", "null", "1", ",", ":", "-", "true", "\\u0000"];
  for (let round = 0; round < 2000; round++) {
    const at = Math.floor(random() * good.length);
    const piece = pieces[Math.floor(random() * pieces.length)]!;
    const damaged = good.slice(0, at) + piece + good.slice(at + Math.floor(random() * 3));
    try {
      assertEquals(typeof parseNewContainer(new TextEncoder().encode(damaged)).id, "string");
    } catch (error) {
      assert(error instanceof MessageError);
    }
  }
});

Deno.test("the guest's hello is read from READY, within the host's limits", () => {
  const limits = {
    maxMessage: [10240, 1 << 20] as [number, number],
    maxStreamPayload: [10228, 65536] as [number, number],
  };
  const hello = { agent: "podvisor", version: "1", features: ["signal-sequence"], clock: 7 };
  assertEquals(
    parseGuestHello(
      encodeGuestHello({ ...hello, maxMessage: 2 ** 40, maxStreamPayload: 20000 }),
      limits,
    ),
    { ...hello, maxMessage: 1 << 20, maxStreamPayload: 20000 },
  );
  assertEquals(parseGuestHello(new Uint8Array(0), limits), {
    agent: "",
    version: "",
    features: [],
    maxMessage: 10240,
    maxStreamPayload: 10228,
    clock: 0,
  });
  assertThrows(
    () => parseGuestHello(json({ features: 1 }), limits),
    MessageError,
    'key "features"',
  );
});

Deno.test("a program that cannot be started is told apart: 127 not found, 126 not executable", () => {
  const through = (text: string) => `ERROR received from VM agent, control msg received : ${text}`;
  const cases: [string, 126 | 127 | undefined][] = [
    [startFailureMessage("exec /bin/x: No such file or directory", "ENOENT"), 127],
    [startFailureMessage("exec /bin/x: Permission denied", "EACCES"), 126],
    [startFailureMessage("exec /bin/x: Exec format error", "ENOEXEC"), 126],
    [
      'Process could not be started: container_linux.go:296: starting container process caused "exec: \\"/bin/nosuch\\": stat /bin/nosuch: no such file or directory"',
      127,
    ],
    [
      'Process could not be started: container_linux.go:296: starting container process caused "exec: \\"x\\": executable file not found in $PATH"',
      127,
    ],
    [
      'Process could not be started: container_linux.go:296: starting container process caused "exec: \\"/etc/passwd\\": permission denied"',
      126,
    ],
    [
      'Process could not be started: container_linux.go:296: container init caused "rootfs_linux.go:53: mounting /x caused no such file or directory"',
      undefined,
    ],
    ["Process could not be started: timeout error", undefined],
    ["Container c not found, impossible to remove", undefined],
  ];
  for (const [message, code] of cases) {
    assertEquals(startFailureExitCode(message), code);
    assertEquals(startFailureExitCode(through(message)), code);
  }
});

const parsers: Record<number, (payload: Uint8Array) => unknown> = {
  [GoCode.STARTPOD]: parseStartPod,
  [GoCode.NEWCONTAINER]: parseNewContainer,
  [GoCode.EXECCMD]: parseExecCommand,
  [GoCode.REMOVECONTAINER]: parseRemoveContainer,
  [GoCode.PSCONTAINER]: parsePsContainer,
};

for (
  const { name, bytes } of captures(/^step4-virtc-pod\.ctl\.host-to-peer\.bin$/)
) {
  Deno.test(`messages in recorded stream ${name} are all read`, () => {
    const decoder = new ControlDecoder();
    decoder.push(bytes);
    let read = 0;
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      const parse = parsers[frame.code];
      if (!parse || frame.payload.length === 0) continue;
      parse(frame.payload);
      read++;
    }
    assert(read >= 3);
  });
}

Deno.test("new limits need a container, and take none of what is left out", () => {
  assertEquals(parseUpdateContainer(json({ container: "c", constraints: { PidsLimit: 5 } })), {
    container: "c",
    constraints: {
      CPUQuota: 0,
      CPUPeriod: 0,
      CPUShares: 0,
      CPUSet: "",
      MemoryLimit: 0,
      PidsLimit: 5,
      files: {},
    },
  });
  assertThrows(() => parseUpdateContainer(json({ constraints: {} })), MessageError, "container");
});

Deno.test("onlinecpumem of other hosts is empty; ours says what there is in total", () => {
  assertEquals(parseOnlineResources(new Uint8Array()), { cpus: 0, memoryMiB: 0 });
  assertEquals(parseOnlineResources(json({ cpus: 3, memoryMiB: 640 })), {
    cpus: 3,
    memoryMiB: 640,
  });
  assertThrows(() => parseOnlineResources(json({ cpus: -1 })), MessageError, "cpus");
});

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../../lib/failure.ts";
import { compileSeccomp, type SpecSeccomp } from "../../../../lib/oci/seccomp/mod.ts";
import { SYS } from "../../../../lib/sys/mod.ts";
import { syscallNumber } from "../../../../lib/oci/seccomp/architectures.ts";
import { runFilter } from "./bpf_machine.ts";

const X86_64 = 0xc000003e, I386 = 0x40000003, AARCH64 = 0xc00000b7, ARM = 0x40000028;
const ALLOW = 0x7fff0000, KILL = 0, TRAP = 0x30000, LOG = 0x7ffc0000, TRACE = 0x7ff00000;
const errno = (number: number) => 0x50000 | number;
const ENOSYS = 38;

/** What the filter of a profile does with calls by name. */
function judge(profile: SpecSeccomp, machine: "x86_64" | "aarch64" = "x86_64") {
  const { program } = compileSeccomp(profile, machine)!;
  const own = machine === "x86_64" ? X86_64 : AARCH64;
  const column = machine === "x86_64" ? 1 : 3;
  return {
    program,
    number: (number: number, audit = own) => runFilter(program, { number, audit }).value,
    call: (name: string, ...args: bigint[]) =>
      runFilter(program, { number: syscallNumber(name, { column })!, audit: own, args }).value,
  };
}

const allow = (...names: string[]) => ({ names, action: "SCMP_ACT_ALLOW" });

Deno.test("the numbers of system calls are those that this program itself calls by", () => {
  for (const [name, number] of Object.entries(SYS)) {
    assertEquals(syscallNumber(name, { column: 1 }), number, name);
  }
  assertEquals(syscallNumber("openat", { column: 3 }), 56);
  assertEquals(syscallNumber("openat", { column: 0 }), 295);
  assertEquals(syscallNumber("openat", { column: 2 }), 322);
  assertEquals(syscallNumber("open", { column: 3 }), undefined);
});

Deno.test("a list of what is allowed refuses the rest with its error", () => {
  const { call } = judge({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 13,
    syscalls: [allow("read", "write", "no_such_call"), allow("execve", "seccomp")],
  });
  assertEquals(
    ["read", "write", "execve", "seccomp"].map((name) => call(name)),
    Array(4).fill(ALLOW),
  );
  assertEquals(["open", "close", "fork", "getrandom"].map((name) => call(name)), [
    errno(13),
    errno(13),
    errno(13),
    // Newer than all that the profile knows.
    errno(ENOSYS),
  ]);
});

Deno.test("a list of what is refused lets the rest pass, new calls too", () => {
  const { call, number } = judge({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      { names: ["getcwd", "chmod"], action: "SCMP_ACT_ERRNO" },
      { names: ["mount"], action: "SCMP_ACT_KILL_PROCESS" },
      { names: ["umount2"], action: "SCMP_ACT_KILL" },
      { names: ["reboot"], action: "SCMP_ACT_TRAP" },
      { names: ["kexec_load"], action: "SCMP_ACT_LOG" },
      { names: ["ptrace"], action: "SCMP_ACT_TRACE", errnoRet: 7 },
    ],
  });
  assertEquals(
    ["getcwd", "chmod", "mount", "umount2", "reboot", "kexec_load", "ptrace", "read"]
      .map((name) => call(name)),
    [errno(1), errno(1), 0x80000000, KILL, TRAP, LOG, TRACE | 7, ALLOW],
  );
  assertEquals(number(9999), ALLOW);
});

Deno.test("calls of other architectures are judged by their own numbers, or end the process", () => {
  const profile: SpecSeccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [allow("read", "socketcall", "clock_nanosleep_time64")],
  };
  const alone = judge(profile);
  assertEquals([alone.number(0), alone.number(0, I386), alone.number(0, ARM)], [ALLOW, KILL, KILL]);
  const both = judge({ ...profile, architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_MIPS"] });
  assertEquals([0, 3, 102, 407].map((each) => both.number(each, I386)), [
    errno(1),
    ALLOW,
    ALLOW,
    ALLOW,
  ]);
  const arm = judge({ ...profile, architectures: ["SCMP_ARCH_ARM"] }, "aarch64");
  assertEquals([arm.call("read"), arm.number(3, ARM), arm.number(4, ARM)], [
    ALLOW,
    ALLOW,
    errno(1),
  ]);
  // read(2) of x32.
  assertEquals(both.number(0x40000000), errno(ENOSYS));
});

Deno.test("every comparison holds for the values that it should, in all 64 bits", () => {
  const values = [0n, 1n, 2n, 0x7fffffffn, 0xffffffffn, 0x1_0000_0000n, 0x1_0000_0001n]
    .concat([0x2_0000_0000n, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn]);
  const holds: Record<string, (value: bigint, limit: bigint) => boolean> = {
    SCMP_CMP_NE: (value, limit) => value !== limit,
    SCMP_CMP_LT: (value, limit) => value < limit,
    SCMP_CMP_LE: (value, limit) => value <= limit,
    SCMP_CMP_EQ: (value, limit) => value === limit,
    SCMP_CMP_GE: (value, limit) => value >= limit,
    SCMP_CMP_GT: (value, limit) => value > limit,
  };
  for (const [op, expected] of Object.entries(holds)) {
    for (const limit of values) {
      const { call } = judge({
        defaultAction: "SCMP_ACT_ERRNO",
        syscalls: [{ ...allow("read"), args: [{ index: 2, value: limit, op }] }],
      });
      for (const value of values) {
        const wanted = expected(value, limit) ? ALLOW : errno(1);
        assertEquals(call("read", 5n, 6n, value), wanted, `${value} ${op} ${limit}`);
      }
    }
  }
});

Deno.test("a masked comparison looks at the bits of its mask alone", () => {
  const clone = judge({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [{
      ...allow("clone"),
      args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
    }],
  });
  assertEquals(clone.call("clone", 0x1200011n), ALLOW);
  assertEquals(clone.call("clone", 0xffff_ffff_0000_0000n), ALLOW);
  assertEquals(clone.call("clone", 0x10000000n), errno(1));
});

Deno.test("conditions hold together; several on one argument are alternatives; rules follow each other", () => {
  const { call } = judge({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      {
        ...allow("socket"),
        args: [
          { index: 0, value: 1, op: "SCMP_CMP_EQ" },
          { index: 1, value: 2, op: "SCMP_CMP_EQ" },
        ],
      },
      {
        ...allow("personality"),
        args: [
          { index: 0, value: 0, op: "SCMP_CMP_EQ" },
          { index: 0, value: 8, op: "SCMP_CMP_EQ" },
        ],
      },
      {
        names: ["socket"],
        action: "SCMP_ACT_TRAP",
        args: [{ index: 0, value: 9, op: "SCMP_CMP_GE" }],
      },
      // One without conditions goes before those with some, wherever it stands.
      {
        names: ["ioctl"],
        action: "SCMP_ACT_TRAP",
        args: [{ index: 0, value: 0, op: "SCMP_CMP_EQ" }],
      },
      allow("ioctl"),
      { names: ["ioctl"], action: "SCMP_ACT_LOG" },
    ],
  });
  assertEquals([call("socket", 1n, 2n), call("socket", 1n, 3n), call("socket", 0n, 2n)], [
    ALLOW,
    errno(1),
    errno(1),
  ]);
  assertEquals([call("socket", 9n), call("ioctl", 0n), call("ioctl", 1n)], [TRAP, ALLOW, ALLOW]);
  assertEquals([0n, 8n, 1n].map((each) => call("personality", each)), [ALLOW, ALLOW, errno(1)]);
});

Deno.test("a filter with a rule for every call is right for each, and quick", () => {
  const actions = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRAP", "SCMP_ACT_KILL"];
  const values = [ALLOW, LOG, TRAP, KILL];
  const known = Object.entries(SYS);
  const { call, program } = judge({
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["SCMP_ARCH_X86"],
    syscalls: known.map(([name, number]) => ({
      names: [name],
      action: actions[number % 4]!,
      ...(number % 3 === 0 ? { args: [{ index: 0, value: number, op: "SCMP_CMP_EQ" }] } : {}),
    })),
  });
  for (const [name, number] of known) {
    assertEquals(call(name, BigInt(number)), values[number % 4], name);
    if (number % 3 === 0) assertEquals(call(name, 1000n), errno(1), name);
    const { steps } = runFilter(program, { number, audit: X86_64 });
    assert(steps < 30, `${name} takes ${steps} instructions`);
  }
});

Deno.test("flags are passed on, and without any speculation is allowed as elsewhere", () => {
  const flags = (flags?: string[]) =>
    compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", ...(flags ? { flags } : {}) }, "x86_64")!
      .flags;
  assertEquals(flags(), 4);
  assertEquals(flags([]), 0);
  assertEquals(flags(["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"]), 2);
  assertEquals(compileSeccomp({}, "x86_64"), undefined);
});

Deno.test("what cannot be had is refused by name", () => {
  const refused = (profile: SpecSeccomp) =>
    assertThrows(() => compileSeccomp(profile, "x86_64"), Failure).message;
  const rule = (rule: object): SpecSeccomp => ({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", ...rule }],
  });
  const messages = [
    refused({ defaultAction: "SCMP_ACT_NOTIFY" }),
    refused({ defaultAction: "SCMP_ACT_DANCE" }),
    refused({ defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/run/x" }),
    refused({ defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_X"] }),
    refused(rule({ errnoRet: 70000 })),
    refused(rule({ args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] })),
    refused(rule({ args: [{ index: 0, value: 0, op: "SCMP_CMP_X" }] })),
    refused(rule({ args: [{ index: 0, value: -1, op: "SCMP_CMP_EQ" }] })),
  ];
  assertEquals(messages.map((each) => each.replace(/^.*of the bundle: /, "")), [
    "SCMP_ACT_NOTIFY needs a listener on the host, which the VM keeps apart",
    'the action "SCMP_ACT_DANCE" is unknown',
    "a listener (listenerPath) is not supported",
    'the flag "SECCOMP_FILTER_FLAG_X" is not supported',
    "errnoRet is 70000, not 0 to 65535",
    "a system call has no argument 6",
    'the operator "SCMP_CMP_X" is unknown',
    "-1 is not a number of 64 bits without sign",
  ]);
});

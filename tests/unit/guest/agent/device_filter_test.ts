import { assertEquals, assertThrows } from "@std/assert";
import {
  DEFAULT_DEVICES,
  deviceFilter,
  deviceNumbers,
  type DeviceRule,
} from "../../../../lib/guest/agent/device_filter.ts";

const BLOCK = 1, CHARACTER = 2;
const MKNOD = 1, READ = 2, WRITE = 4;

/** What the kernel would make of a program: whether it allows an access (linux/bpf.h, struct bpf_cgroup_dev_ctx). */
function allows(
  rules: readonly DeviceRule[],
  type: number,
  access: number,
  major: number,
  minor: number,
): boolean {
  const program = new DataView(deviceFilter(rules).buffer);
  const context = [access << 16 | type, major, minor];
  const registers = new Array<number>(6).fill(0);
  for (let at = 0;; at += 8) {
    const op = program.getUint8(at), pair = program.getUint8(at + 1);
    const to = pair & 15, from = pair >> 4;
    const jump = program.getInt16(at + 2, true) * 8, value = program.getInt32(at + 4, true);
    if (op === 0x95) return registers[0] === 1;
    else if (op === 0x61) registers[to] = context[program.getInt16(at + 2, true) / 4]!;
    else if (op === 0xb7) registers[to] = value;
    else if (op === 0xbf) registers[to] = registers[from]!;
    else if (op === 0x57) registers[to]! &= value;
    else if (op === 0x77) registers[to]! >>>= value;
    else if (op === 0x15) at += registers[to] === value ? jump : 0;
    else if (op === 0x55) at += registers[to] !== value ? jump : 0;
    else throw new Error(`unknown instruction ${op}`);
  }
}

const rule = (allow: boolean, text: string): DeviceRule => {
  const [, type, major, minor, access] = /^(.) (.+):(.+) (.+)$/.exec(text)!;
  const number = (part: string) => part === "*" ? null : Number(part);
  return {
    allow,
    type: type as DeviceRule["type"],
    major: number(major!),
    minor: number(minor!),
    access: access!,
  };
};
const allow = (text: string) => rule(true, text), deny = (text: string) => rule(false, text);

Deno.test("containers may make every node, and use those that every container has and no others", () => {
  const may = (type: number, access: number, major: number, minor: number) =>
    allows(DEFAULT_DEVICES, type, access, major, minor);
  for (const minor of [3, 5, 7, 8, 9]) assertEquals(may(CHARACTER, READ | WRITE, 1, minor), true);
  assertEquals(may(CHARACTER, READ | WRITE, 136, 77), true);
  assertEquals(may(BLOCK, MKNOD, 254, 0), true);
  // The guest's own disk, its memory, its console.
  assertEquals(may(BLOCK, READ, 254, 0), false);
  assertEquals(may(CHARACTER, READ, 1, 1), false);
  assertEquals(may(CHARACTER, WRITE, 5, 1), false);
});

Deno.test("without rules everything is forbidden", () => {
  assertEquals(allows([], CHARACTER, READ, 1, 3), false);
});

Deno.test("the last rule that fits holds, for each kind of access by itself", () => {
  const cases: [DeviceRule[], number, boolean][] = [
    [[allow("c 1:3 rw"), deny("c 1:3 w")], READ | WRITE, false],
    [[allow("c 1:3 rw"), deny("c 1:3 w")], READ, true],
    [[deny("c 1:3 w"), allow("c 1:3 rw")], READ | WRITE, true],
    [[allow("c 1:* r"), allow("c *:3 w")], READ | WRITE, true],
    [[allow("c 1:* r"), allow("c *:3 w")], READ | WRITE | MKNOD, false],
    [[allow("a *:* rwm"), deny("a *:* rwm"), allow("b 1:3 rwm")], READ, false],
    [[deny("a *:* rwm"), allow("a *:* rwm")], READ | WRITE | MKNOD, true],
    [[allow("b 1:3 rwm")], READ, false],
    [[allow("c 1:4 rwm")], READ, false],
    [[allow("c 2:3 rwm")], READ, false],
  ];
  for (const [rules, access, expected] of cases) {
    assertEquals(allows(rules, CHARACTER, access, 1, 3), expected, JSON.stringify(rules));
  }
});

Deno.test("rules that cannot be are refused", () => {
  assertThrows(() => deviceFilter([allow("c 1:3 x")]), RangeError, "some of rwm");
  assertThrows(() => deviceFilter([allow("c -1:3 r")]), RangeError, "as the number of a device");
  assertThrows(() => deviceFilter(new Array(5000).fill(allow("c 1:3 r"))), RangeError, "too many");
});

Deno.test("a device's numbers are taken apart as the kernel does", () => {
  assertEquals(deviceNumbers(0x103), { major: 1, minor: 3 });
  assertEquals(deviceNumbers((8 << 8) | 0x23 | (0x12 << 20)), { major: 8, minor: 0x1223 });
});

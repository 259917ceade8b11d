/** Which devices a rule is about, and what of them it allows or forbids; of several rules the last that fits holds. */
export interface DeviceRule {
  allow: boolean;
  /** Block or character devices; `a` for both. */
  type: "a" | "b" | "c";
  /** null: any. */
  major: number | null;
  minor: number | null;
  /** Reading, writing, making a node: some of `rwm`. */
  access: string;
}

/** struct bpf_cgroup_dev_ctx and its constants (linux/bpf.h, BPF_DEVCG_…). */
const TYPES = { b: 1, c: 2 } as const;
const MKNOD = 1, READ = 2, WRITE = 4, ALL = MKNOD | READ | WRITE;
const ACCESS_TYPE = 0, MAJOR = 4, MINOR = 8;

/** Registers: the context, then what is worked out from it. */
const RESULT = 0, CONTEXT = 1, TYPE = 2, WANTED = 3, MAJOR_OF = 4, MINOR_OF = 5;

/** Major and minor number of a device, as stat(2) has it in one (linux/kdev_t.h, new_decode_dev). */
export function deviceNumbers(device: number): { major: number; minor: number } {
  return {
    major: device >>> 8 & 0xfff,
    minor: device & 0xff | device >>> 12 & 0xfff00,
  };
}

/** Instructions (linux/bpf.h, linux/bpf_common.h): class, size and source in one byte. */
const OP = {
  load32: 0x61,
  set: 0xb7,
  copy: 0xbf,
  and: 0x57,
  shiftRight: 0x77,
  jumpIfEqual: 0x15,
  jumpUnlessEqual: 0x55,
  exit: 0x95,
} as const;

const INSTRUCTION = 8;
/** Farther than this no jump reaches; a rule takes eight instructions at most. */
const MOST_RULES = 4000;

type Instruction = readonly [op: number, target: number, source: number, offset: number, n: number];

const NODES: readonly (readonly [number, number])[] = [
  [1, 3], // null
  [1, 5], // zero
  [1, 7], // full
  [1, 8], // random
  [1, 9], // urandom
  [5, 0], // tty
  [5, 2], // ptmx
];

/** What container engines agree on: any node may be made, and those that every container has may be used. */
export const DEFAULT_DEVICES: readonly DeviceRule[] = [
  { allow: true, type: "a", major: null, minor: null, access: "m" },
  ...NODES.map(([major, minor]) =>
    ({ allow: true, type: "c", major, minor, access: "rwm" }) as const
  ),
  // Pseudo-terminals.
  { allow: true, type: "c", major: 136, minor: null, access: "rwm" },
];

/** For a container that is to have all of the guest's. */
export const ALL_DEVICES: readonly DeviceRule[] = [
  { allow: true, type: "a", major: null, minor: null, access: "rwm" },
];

/**
 * A program for the kernel that decides on each access to a device, to be loaded as `BPF_PROG_TYPE_CGROUP_DEVICE`.
 * What no rule allows is forbidden. Rules are looked at from the last one: each takes what it decides from what is
 * asked for, until something is forbidden or nothing is left.
 *
 * @throws {RangeError} for rules that cannot be
 */
export function deviceFilter(rules: readonly DeviceRule[]): Uint8Array {
  if (rules.length > MOST_RULES) {
    throw new RangeError(`${rules.length} rules for devices are too many`);
  }
  const program: Instruction[] = [
    [OP.load32, WANTED, CONTEXT, ACCESS_TYPE, 0],
    [OP.copy, TYPE, WANTED, 0, 0],
    [OP.and, TYPE, 0, 0, 0xffff],
    [OP.shiftRight, WANTED, 0, 0, 16],
    [OP.load32, MAJOR_OF, CONTEXT, MAJOR, 0],
    [OP.load32, MINOR_OF, CONTEXT, MINOR, 0],
    ...rules.toReversed().flatMap(ruleCode),
    ...decide(false),
  ];
  return encode(program);
}

function ruleCode({ allow, type, major, minor, access }: DeviceRule): Instruction[] {
  const bits = accessBits(access);
  const act: Instruction[] = allow
    ? [
      [OP.and, WANTED, 0, 0, ALL & ~bits],
      [OP.jumpUnlessEqual, WANTED, 0, 2, 0],
      ...decide(true),
    ]
    : [
      [OP.copy, RESULT, WANTED, 0, 0],
      [OP.and, RESULT, 0, 0, bits],
      [OP.jumpIfEqual, RESULT, 0, 2, 0],
      ...decide(false),
    ];
  const conditions: [number, number][] = [
    ...(type === "a" ? [] : [[TYPE, TYPES[type]] as [number, number]]),
    ...(major === null ? [] : [[MAJOR_OF, checked(major)] as [number, number]]),
    ...(minor === null ? [] : [[MINOR_OF, checked(minor)] as [number, number]]),
  ];
  const skips = conditions.map(([register, value], at): Instruction => {
    const rest = conditions.length - at - 1 + act.length;
    return [OP.jumpUnlessEqual, register, 0, rest, value];
  });
  return [...skips, ...act];
}

function decide(allow: boolean): Instruction[] {
  return [[OP.set, RESULT, 0, 0, allow ? 1 : 0], [OP.exit, 0, 0, 0, 0]];
}

function accessBits(access: string): number {
  if (!/^[rwm]+$/.test(access)) throw new RangeError(`Cannot use ${access} as access: some of rwm`);
  const bits = { r: READ, w: WRITE, m: MKNOD };
  return [...access].reduce((all, each) => all | bits[each as keyof typeof bits], 0);
}

/** Numbers are signed in an instruction. */
function checked(number: number): number {
  if (Number.isInteger(number) && number >= 0 && number < 2 ** 31) return number;
  throw new RangeError(`Cannot use ${number} as the number of a device`);
}

/** struct bpf_insn: u8 code, u8 registers, s16 offset, s32 immediate, in the machine's byte order: little-endian. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION);
  const view = new DataView(bytes.buffer);
  program.forEach(([op, target, source, offset, immediate], index) => {
    const at = index * INSTRUCTION;
    view.setUint8(at, op);
    view.setUint8(at + 1, target | source << 4);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  });
  return bytes;
}

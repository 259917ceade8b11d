/**
 * Classic BPF as seccomp(2) runs it (linux/filter.h, linux/bpf_common.h): the few instructions that filters need.
 */

/** One instruction: `struct sock_filter`. Jumps are relative to the instruction after it. */
export interface Instruction {
  code: number;
  /** How far a conditional jump goes when its condition holds, and when not: at most 255. */
  jt: number;
  jf: number;
  k: number;
}

/** Operation codes. */
export const BPF = {
  LD_W_ABS: 0x20,
  JMP_JA: 0x05,
  JMP_JEQ_K: 0x15,
  JMP_JGT_K: 0x25,
  JMP_JGE_K: 0x35,
  ALU_AND_K: 0x54,
  RET_K: 0x06,
} as const;

/** BPF_MAXINSNS: the kernel takes no longer program. */
export const MAX_INSTRUCTIONS = 4096;
/** Farthest that a conditional jump goes. */
export const MAX_JUMP = 255;
const INSTRUCTION_SIZE = 8;

/** Loads the word at `offset` of `struct seccomp_data` into the accumulator. */
export function load(offset: number): Instruction {
  return { code: BPF.LD_W_ABS, jt: 0, jf: 0, k: offset };
}

/** Keeps the bits of `mask` in the accumulator. */
export function and(mask: number): Instruction {
  return { code: BPF.ALU_AND_K, jt: 0, jf: 0, k: mask };
}

/** Ends the program with a SECCOMP_RET_… value. */
export function ret(value: number): Instruction {
  return { code: BPF.RET_K, jt: 0, jf: 0, k: value };
}

/** Runs `below` when the accumulator is less than `limit`, otherwise `rest`. Both end the program. */
export function split(limit: number, below: Instruction[], rest: Instruction[]): Instruction[] {
  return [...jumpOver(BPF.JMP_JGE_K, limit, below.length), ...below, ...rest];
}

/** Runs `then` when the accumulator is `value`, otherwise `rest`. Both end the program. */
export function when(value: number, then: Instruction[], rest: Instruction[]): Instruction[] {
  if (then.length <= MAX_JUMP) {
    return [{ code: BPF.JMP_JEQ_K, jt: 0, jf: then.length, k: value }, ...then, ...rest];
  }
  const far = { code: BPF.JMP_JA, jt: 0, jf: 0, k: then.length };
  return [{ code: BPF.JMP_JEQ_K, jt: 1, jf: 0, k: value }, far, ...then, ...rest];
}

/** A jump over `distance` instructions when the condition holds, by way of an unconditional one where it is far. */
function jumpOver(code: number, k: number, distance: number): Instruction[] {
  if (distance <= MAX_JUMP) return [{ code, jt: distance, jf: 0, k }];
  return [{ code, jt: 0, jf: 1, k }, { code: BPF.JMP_JA, jt: 0, jf: 0, k: distance }];
}

/** The program as the kernel takes it: u16 code, u8 jt, u8 jf, u32 k, little-endian. */
export function encodeProgram(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    const at = index * INSTRUCTION_SIZE;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k >>> 0, true);
  });
  return bytes;
}

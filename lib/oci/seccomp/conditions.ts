import type { CallingArchitecture } from "./architectures.ts";
import { and, BPF, type Instruction, load, ret } from "./bpf.ts";
import type { Condition } from "./profile.ts";

/** A rule for one system call: what happens when all of its conditions hold. */
export interface Rule {
  conditions: readonly Condition[];
  value: number;
}

/** A jump whose ends are not known yet: to what comes after the condition, or out of the rule. */
type Target = "next" | "out" | number;
type Draft = Omit<Instruction, "jt" | "jf"> & { jt?: Target; jf?: Target };

/** Where the arguments are in `struct seccomp_data`: eight bytes each, little-endian. */
const ARGUMENTS_AT = 16;

/** The first rule whose conditions hold decides; when none does, `otherwise` does. Ends the program. */
export function compileRules(
  rules: readonly Rule[],
  architecture: Pick<CallingArchitecture, "wide">,
  otherwise: number,
): Instruction[] {
  const compiled = rules.flatMap(({ conditions, value }) => {
    const drafts = conditions.map((each) => compileCondition(each, architecture.wide));
    const length = drafts.reduce((sum, each) => sum + each.length, 0) + 1;
    let start = 0;
    const linked = drafts.flatMap((draft) => {
      const end = start + draft.length;
      const from = start;
      start = end;
      return draft.map((each, at) => link(each, from + at, end, length));
    });
    return [...linked, ret(value)];
  });
  return [...compiled, ret(otherwise)];
}

function link(
  { code, k, jt = 0, jf = 0 }: Draft,
  at: number,
  next: number,
  out: number,
): Instruction {
  const distance = (target: Target) =>
    typeof target === "number" ? target : (target === "next" ? next : out) - at - 1;
  return { code, k, jt: distance(jt), jf: distance(jf) };
}

function compileCondition(condition: Condition, wide: boolean): Draft[] {
  const { op, index } = condition;
  const mask = op === "masked" ? condition.value : undefined;
  const value = mask === undefined ? condition.value : condition.valueTwo & mask;
  const word = (shift: 0n | 32n): Draft[] => {
    const at = ARGUMENTS_AT + index * 8 + (shift === 0n ? 0 : 4);
    return mask === undefined ? [load(at)] : [load(at), and(bits(mask, shift))];
  };
  const [high, low] = [bits(value, 32n), bits(value, 0n)];
  const jump = (code: number, k: number, jt: Target, jf: Target): Draft => ({ code, k, jt, jf });
  const { JMP_JEQ_K: JEQ, JMP_JGT_K: JGT, JMP_JGE_K: JGE } = BPF;
  switch (op) {
    case "eq":
    case "masked":
      return [
        ...(wide ? [...word(32n), jump(JEQ, high, 0, "out")] : []),
        ...word(0n),
        jump(JEQ, low, "next", "out"),
      ];
    case "ne":
      return [
        ...(wide ? [...word(32n), jump(JEQ, high, 0, "next")] : []),
        ...word(0n),
        jump(JEQ, low, "out", "next"),
      ];
    case "gt":
    case "ge":
      return [
        ...(wide ? [...word(32n), jump(JGT, high, "next", 0), jump(JEQ, high, 0, "out")] : []),
        ...word(0n),
        jump(op === "gt" ? JGT : JGE, low, "next", "out"),
      ];
    case "le":
    case "lt":
      return [
        ...(wide ? [...word(32n), jump(JGT, high, "out", 0), jump(JEQ, high, 0, "next")] : []),
        ...word(0n),
        jump(op === "le" ? JGT : JGE, low, "out", "next"),
      ];
  }
}

function bits(value: bigint, shift: bigint): number {
  return Number(value >> shift & 0xffffffffn);
}

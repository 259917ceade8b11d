/** One figure. */
export interface Row {
  name: string;
  value: number;
  /** Unit of the value; empty for a ratio. */
  unit: string;
  /** What the value is to stay within: at most this. Without one it is only told. */
  budget?: number;
}

/** What the JSON output holds for each figure. */
export interface JudgedRow extends Omit<Row, "budget"> {
  budget: number | null;
  ok: boolean;
}

/** Sets what was measured against what was promised. */
export function judge({ budget, ...row }: Row): JudgedRow {
  return { ...row, budget: budget ?? null, ok: budget === undefined || row.value <= budget };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** One line for people. */
export function formatRow({ name, value, unit, budget, ok }: JudgedRow): string {
  const number = value >= 100
    ? value.toFixed(0)
    : value >= 10
    ? value.toFixed(1)
    : value.toFixed(2);
  const judgement = budget === null ? "" : `   at most ${budget}: ${ok ? "ok" : "MISSED"}`;
  return `${name.padEnd(62)} ${number.padStart(8)} ${unit.padEnd(5)}${judgement}`.trimEnd() + "\n";
}

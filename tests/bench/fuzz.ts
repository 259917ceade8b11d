import { fuzzGuest } from "../fuzz/guest.ts";
import type { Random } from "../fuzz/mutate.ts";
import { fuzzProxy } from "../fuzz/proxy.ts";
import { fuzzShim } from "../fuzz/shim.ts";
import { seeded } from "../unit/generated.ts";
import type { Row } from "./row.ts";

const TARGETS: readonly [
  name: string,
  fuzz: (random: Random, count: number) => Promise<void>,
  count: number,
][] = [
  ["guest engine", fuzzGuest, 600_000],
  ["proxy", fuzzProxy, 200_000],
  ["shim", fuzzShim, 200_000],
];
/** Inputs before memory is looked at for the first time: by then everything has been used once. */
const WARM_UP = 10_000;

/** A million generated and damaged inputs, other ones each day: any that ends a part ends the benchmark. */
export async function measureFuzz(): Promise<Row[]> {
  const rows: Row[] = [];
  const seed = Math.floor(Date.now() / 86_400_000);
  for (const [name, fuzz, count] of TARGETS) {
    const random = seeded(seed);
    await fuzz(random, WARM_UP);
    const before = Deno.memoryUsage().rss, start = performance.now();
    await fuzz(random, count);
    const seconds = (performance.now() - start) / 1000;
    const grown = (Deno.memoryUsage().rss - before) / 1e6;
    rows.push(
      { name: `${count} damaged inputs to the ${name} (seed ${seed})`, value: seconds, unit: "s" },
      { name: `memory that the ${name} kept of them`, value: grown, unit: "MB", budget: 100 },
    );
  }
  return rows;
}

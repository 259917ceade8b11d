/**
 * Measures podvisor: `deno task bench [--json] [GROUP…]`. Prints a line for each figure, or one JSON array; exits with 1
 * when a figure is over its budget.
 */
import { Place } from "./podvisor.ts";
import { formatRow, judge, type JudgedRow, type Row } from "./row.ts";

/** Measures one group of figures. */
type Group = (place: Place) => Promise<Row[]>;

/** Loaded when asked for. */
const GROUPS: Readonly<Record<string, () => Promise<Group>>> = {
  binary: async () => (await import("./binary.ts")).measureBinary,
  host: async () => (await import("./host_work.ts")).measureHostWork,
  cold: async () => (await import("./cold_start.ts")).measureColdStart,
  memory: async () => (await import("./memory.ts")).measureMemory,
  streams: async () => (await import("./streams.ts")).measureContainerStreams,
  relay: async () => (await import("./relay.ts")).measureRelay,
  pods: async () => (await import("./pods.ts")).measurePods,
  storage: async () => (await import("./storage.ts")).measureStorage,
  template: async () => (await import("./template.ts")).measureTemplates,
  oci: async () => (await import("./oci.ts")).measureRuntime,
  network: async () => (await import("./network.ts")).measureNetwork,
  fuzz: async () => (await import("./fuzz.ts")).measureFuzz,
};

const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));

const asJson = Deno.args.includes("--json");
const asked = Deno.args.filter((each) => each !== "--json");
const unknown = asked.filter((name) => !Object.hasOwn(GROUPS, name));
if (unknown.length > 0) {
  say(`Cannot measure ${unknown.join(", ")}: the groups are ${Object.keys(GROUPS).join(", ")}`);
  Deno.exit(2);
}

const rows: JudgedRow[] = [];
{
  await using place = await Place.make(say);
  for (const name of asked.length > 0 ? asked : Object.keys(GROUPS)) {
    if (!asJson) say(`measuring: ${name}`);
    const measure = await GROUPS[name]!();
    const judged = (await measure(place)).map(judge);
    if (!asJson) judged.forEach((row) => print(formatRow(row)));
    rows.push(...judged);
  }
}
if (asJson) print(JSON.stringify(rows, null, 1) + "\n");
Deno.exit(rows.every(({ ok }) => ok) ? 0 : 1);

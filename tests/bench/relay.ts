import { join } from "@std/path";
import { Syslog } from "../integration/originals/syslog.ts";
import { type Place, processorTime, processorTimeOfChildren } from "./podvisor.ts";
import { type RelayPrograms, RelayScene } from "./relay_scene.ts";
import type { Row } from "./row.ts";

const MB = 1e6, GB = 1e9;
const RUNS = 3;
/** Frame payloads; the largest is what a guest sends to podvisor's proxy. */
const PAYLOADS = [1024, 4096, 10_240, 65_524];
/** Longest stdin payload that cc-proxy takes, and a larger one for those that can. */
const STDIN_PAYLOADS = [1024, 4096, 10_228, 65_524];
const BYTES = 256 * 1024 * 1024;
const PINGS = 500, PING_ROWS = 20;
const MANY = 10;
/** Containers in the background beyond those, and what is printed by them, in frames of that many bytes. */
const FURTHER = 50, LOGGED = 400 * MB, LOGGED_PAYLOAD = 4096;

/** A figure of one run, and its processor seconds of proxy and shims for each GB. */
interface Run {
  value: number;
  proxy?: number;
  shim?: number;
}

/** Something that is measured for each pair of programs in turn, so that what else the machine does hits both alike. */
interface Figure {
  what: string;
  unit: "MB/s" | "µs";
  run(programs: RelayPrograms): Promise<Run>;
}

const FIGURES: readonly Figure[] = [
  ...PAYLOADS.flatMap((payload) =>
    [1, MANY].map((count): Figure => ({
      what: `stdout${count > 1 ? ` of ${count}` : ""}, ${payload} bytes a frame`,
      unit: "MB/s",
      run: (programs) => outputOf(programs, payload, count),
    }))
  ),
  ...STDIN_PAYLOADS.map((payload): Figure => ({
    what: `stdin, up to ${payload} bytes a frame`,
    unit: "MB/s",
    run: (programs) => inputOf(programs, payload),
  })),
  { what: "round trip of a ping", unit: "µs", run: pingTime },
];

/**
 * Proxy and shim alone, fed by a guest on Unix sockets; beside the originals where `CC_PROXY` and `CC_SHIM` name them:
 * at least as much throughput, and at most one and a half times the round trip.
 */
export async function measureRelay(place: Place): Promise<Row[]> {
  using syslog = new DisposableStack();
  const ours: RelayPrograms = {
    name: "podvisor",
    proxy: [place.binary, "proxy"],
    shim: [place.binary, "shim"],
    hostsShims: true,
  };
  const programs = [ours];
  const ccProxy = Deno.env.get("CC_PROXY"), ccShim = Deno.env.get("CC_SHIM");
  if (ccProxy && ccShim) {
    syslog.use(new Syslog());
    programs.push({ name: "the originals", proxy: [ccProxy], shim: [ccShim] });
  }
  const rows: Row[] = [];
  for (const figure of FIGURES) {
    const runs = programs.map((): Run[] => []);
    for (let count = 0; count < RUNS; count++) {
      for (const [at, each] of programs.entries()) runs[at]!.push(await figure.run(each));
    }
    const best = runs.map((each) => bestOf(figure, each));
    rows.push(
      ...programs.flatMap(({ name }, at) => rowsOf(`${name}: ${figure.what}`, figure, best[at]!)),
    );
    if (best[1]) rows.push(compare(figure, best[0]!, best[1]));
  }
  for (const each of programs) rows.push(...await memoryOf(each));
  return rows;
}

/** The run that was disturbed least. */
function bestOf({ unit }: Figure, runs: readonly Run[]): Run {
  const ascending = runs.toSorted((a, b) => a.value - b.value);
  return unit === "µs" ? ascending[0]! : ascending.at(-1)!;
}

function rowsOf(name: string, { unit }: Figure, { value, proxy, shim }: Run): Row[] {
  return [
    { name, value, unit },
    ...proxy === undefined ? [] : [{ name: `${name}: proxy`, value: proxy, unit: "s/GB" }],
    ...shim === undefined ? [] : [{ name: `${name}: shims`, value: shim, unit: "s/GB" }],
  ];
}

function compare({ what, unit }: Figure, ours: Run, theirs: Run): Row {
  return unit === "µs"
    ? { name: `ratio of ${what}`, value: ours.value / theirs.value, unit: "", budget: 1.5 }
    : {
      name: `originals ÷ podvisor: ${what}`,
      value: theirs.value / ours.value,
      unit: "",
      budget: 1,
    };
}

/** From the first byte that the guest sends to the end of the last shim. */
async function outputOf(programs: RelayPrograms, payload: number, count: number): Promise<Run> {
  await using scene = await RelayScene.set(programs);
  const started = [];
  for (let each = 0; each < count; each++) started.push(await scene.start());
  const sequences = started.map(({ sequence }) => sequence);
  const total = Math.min(BYTES, payload * 65_536);
  const cost = startCost(scene);
  const start = performance.now();
  await scene.guest.output(sequences, payload, total / count);
  await scene.guest.exit(sequences);
  for (const { shim } of started) await shim.status;
  return cost(total, performance.now() - start);
}

/** From the process's start to the arrival of the end of its input. */
async function inputOf(programs: RelayPrograms, payload: number): Promise<Run> {
  await using scene = await RelayScene.set(programs, payload);
  const total = BYTES;
  const file = join(scene.directory, "stdin");
  await Deno.writeFile(file, new Uint8Array(0));
  await Deno.truncate(file, total);
  const arrived = scene.guest.input(total);
  const cost = startCost(scene);
  const { shim, sequence } = await scene.start(file);
  const start = performance.now();
  await arrived;
  const milliseconds = performance.now() - start;
  await scene.guest.exit([sequence]);
  await shim.status;
  return cost(total, milliseconds);
}

function startCost({ proxy }: RelayScene): (bytes: number, milliseconds: number) => Run {
  const before = { proxy: processorTime(proxy.pid), shim: processorTimeOfChildren() };
  return (bytes, milliseconds) => ({
    value: bytes / MB / milliseconds * 1000,
    proxy: (processorTime(proxy.pid) - before.proxy) / 1000 / (bytes / GB),
    shim: (processorTimeOfChildren() - before.shim) / 1000 / (bytes / GB),
  });
}

/** The best of several rows of pings, once both sides' code is compiled. */
async function pingTime(programs: RelayPrograms): Promise<Run> {
  await using scene = await RelayScene.set(programs);
  let best = Infinity;
  for (let row = 0; row < PING_ROWS; row++) {
    const start = performance.now();
    for (let each = 0; each < PINGS; each++) await scene.client.hyper("ping", [], undefined);
    best = Math.min(best, (performance.now() - start) / PINGS * 1000);
  }
  return { value: best };
}

/** Of the proxy, of what each container adds to it or beside it, and of how that grows with output. */
async function memoryOf(programs: RelayPrograms): Promise<Row[]> {
  const { name } = programs;
  await using scene = await RelayScene.set(programs);
  const pids: number[] = [];
  for (let each = 0; each < MANY; each++) pids.push((await scene.start()).shim.pid);
  const ofProxy = async () => {
    await scene.client.hyper("ping", [], undefined);
    return pssOf(scene.proxy.pid);
  };
  const sum = pids.map(pssOf).reduce((all, one) => all + one, 0);
  const alone = await ofProxy();
  const row = (what: string, value: number) => ({
    name: `${name}: PSS of ${what}`,
    value,
    unit: "MB",
  });
  const rows = [
    row(`the proxy with ${MANY} shims`, alone),
    row("each shim", sum / MANY),
  ];
  if (!programs.hostsShims) return rows;
  const hosted = [];
  for (let each = 0; each < MANY; each++) hosted.push(await scene.host());
  const first = await ofProxy();
  for (let each = 0; each < FURTHER; each++) await scene.host();
  const all = await ofProxy();
  await scene.guest.output(hosted.map(({ sequence }) => sequence), LOGGED_PAYLOAD, LOGGED / MANY);
  await scene.guest.exit(hosted.map(({ sequence }) => sequence));
  for (const { ended } of hosted) await ended();
  return [
    ...rows,
    row(
      `each of the first ${MANY} containers in the background, in the proxy`,
      (first - alone) / MANY,
    ),
    row("each further one", (all - first) / FURTHER),
    row(`the proxy after ${LOGGED / MB} MB of their output`, await ofProxy()),
  ];
}

/** See proc(5), smaps_rollup. */
function pssOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss: +(\d+)/m.exec(text)![1]) * 1024 / MB;
}

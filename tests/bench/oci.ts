import { join } from "@std/path";
import { compileHello, timeOf } from "./binary.ts";
import type { Place } from "./podvisor.ts";
import { median, type Row } from "./row.ts";

const RUNS = 7;
/** What a verb may take, against a program of one line on the same runtime. */
const BUDGET = 2;

/** podman's containers with podvisor against those with runc, and the verbs by themselves. */
export async function measureRuntime(place: Place): Promise<Row[]> {
  await timeOf(place.binary, ["template", "build"], warm(place));
  return [...await measureVerbs(place), ...await measurePodman(place)];
}

async function measureVerbs(place: Place): Promise<Row[]> {
  const hello = await compileHello(place.directory);
  const bundle = await makeBundle(place);
  const bare: number[] = [];
  const times: Record<string, number[]> = {
    create: [],
    start: [],
    state: [],
    kill: [],
    delete: [],
  };
  for (let run = 0; run < RUNS; run++) {
    const id = `run-${run}`;
    const verb = async (name: string, ...args: string[]) =>
      void times[name]!.push(await timeOf(place.binary, [name, ...args], warm(place)));
    bare.push(await timeOf(hello, [], {}));
    await verb("create", "--bundle", bundle, id);
    await verb("start", id);
    await verb("state", id);
    await verb("kill", id, "KILL");
    await ended(place, id);
    await verb("delete", id);
  }
  return Object.entries(times).map(([name, values]) => ({
    name: `podvisor ${name} ÷ a compiled program of one line`,
    value: median(values) / median(bare),
    unit: "",
    ...(name === "create" ? {} : { budget: BUDGET }),
  }));
}

async function measurePodman(place: Place): Promise<Row[]> {
  // The runtime that the engine's tests take is named by the environment.
  Deno.env.set("PODVISOR_BINARY", place.binary);
  Deno.env.set("PODVISOR_CACHE", place.cache);
  const { IMAGE, Podman } = await import("../e2e/podman.ts");
  await using podman = await Podman.make();
  const run = (runtime: string) => {
    const [program, ...args] = podman.runCommand("--rm", "--network", "none", IMAGE, "true");
    const at = args.indexOf("--runtime");
    return timeOf(program!, args.with(at + 1, runtime), {});
  };
  const ours: number[] = [], runc: number[] = [];
  for (let at = 0; at < RUNS; at++) {
    ours.push(await run(podman.place.runtime));
    runc.push(await run("/usr/sbin/runc"));
  }
  return [
    {
      name: "podman run --rm … true, from a template ÷ the same with runc",
      value: median(ours) / median(runc),
      unit: "",
    },
    { name: "podman run --rm … true, from a template", value: median(ours), unit: "ms" },
    { name: "podman run --rm … true with runc", value: median(runc), unit: "ms" },
  ];
}

function warm(place: Place): Record<string, string> {
  return place.env({ PODVISOR_TEMPLATE: "use" });
}

/** A bundle whose program waits. */
async function makeBundle(place: Place): Promise<string> {
  const bundle = join(place.directory, "bundle");
  await Deno.mkdir(join(bundle, "rootfs/bin"), { recursive: true });
  await Deno.copyFile("/bin/busybox", join(bundle, "rootfs/bin/sleep"));
  await timeOf(place.binary, ["spec", "--bundle", bundle], place.env());
  const path = join(bundle, "config.json");
  const config = JSON.parse(await Deno.readTextFile(path));
  config.process.terminal = false;
  config.process.args = ["sleep", "600"];
  await Deno.writeTextFile(path, JSON.stringify(config));
  return bundle;
}

async function ended(place: Place, id: string): Promise<void> {
  for (;;) {
    const command = new Deno.Command(place.binary, { args: ["state", id], env: place.env() });
    const { status } = JSON.parse(new TextDecoder().decode((await command.output()).stdout));
    if (status === "stopped") return;
  }
}

import { join } from "@std/path";
import type { Place } from "./podvisor.ts";
import { median, type Row } from "./row.ts";

const RUNS = 7;
const CONTAINERS = 10;
const STORED_PODS = 100;

/** Work on a pod that is up: further commands, containers one after the other, and looking at many pods. */
export async function measurePods(place: Place): Promise<Row[]> {
  await must(place, "pod", "run", "bench");
  const background = ["container", "run", "-d", "--pod", "bench", "--name", "a"];
  await must(place, ...background, "busybox", "sleep", "3600");
  try {
    const exec = await firstBytes(place, ["container", "exec", "a", "echo", "ready"]);
    const containers: number[] = [];
    for (let count = 0; count < CONTAINERS; count++) {
      const started = performance.now();
      await must(place, "container", "run", "--rm", "--pod", "bench", "busybox", "true");
      containers.push(performance.now() - started);
    }
    await storePods(place);
    const list = await firstBytes(place, ["container", "list"]);
    const version = await firstBytes(place, ["--version"]);
    return [
      { name: "exec in a running container, command to first byte", value: exec, unit: "ms" },
      {
        name: `${CONTAINERS} containers one after another in one pod, each`,
        value: median(containers),
        unit: "ms",
      },
      { name: `container list with ${STORED_PODS} stored pods`, value: list, unit: "ms" },
      { name: "the same ÷ podvisor --version", value: list / version, unit: "" },
    ];
  } finally {
    await must(place, "pod", "rm", "--force", "bench");
    for (const id of storedNames()) {
      await Deno.remove(join(place.state, "pods", id), { recursive: true }).catch(() => {});
    }
  }
}

function storedNames(): string[] {
  return Array.from({ length: STORED_PODS }, (_, index) => `stored-${index}`);
}

/** Pods that have stopped, as records only, each with the container of the running one. */
async function storePods(place: Place): Promise<void> {
  const pods = join(place.state, "pods");
  const record = JSON.parse(await Deno.readTextFile(join(pods, "bench/pod.json")));
  const path = "containers/a/container.json";
  const container = JSON.parse(await Deno.readTextFile(join(pods, "bench", path)));
  const stopped = { state: "stopped" };
  for (const id of storedNames()) {
    await Deno.mkdir(join(pods, id, "containers/a"), { recursive: true });
    const pod = { ...record, ...stopped, id, vm: null, proxy: null };
    await Deno.writeTextFile(join(pods, id, "pod.json"), JSON.stringify(pod));
    const own = { ...container, ...stopped, pod: id, shim: null, token: null };
    await Deno.writeTextFile(join(pods, id, path), JSON.stringify(own));
  }
}

async function firstBytes(place: Place, args: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = await place.start(args);
    times.push(started.milliseconds);
    await started.finish();
  }
  return median(times);
}

async function must(place: Place, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(place.binary, {
    args,
    env: place.env(),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  throw new Error(
    `podvisor ${args.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`,
  );
}

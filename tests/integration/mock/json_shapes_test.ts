import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { Bench } from "../../harness/podvisor.ts";

const README = fromFileUrl(new URL("../../../README.md", import.meta.url));
const STATES = ["ready", "running", "paused", "stopped"];

/** The keys of an object that README promises, by the object's name in its table. */
function documentedKeys(): Map<string, string[]> {
  const section = /### Output for scripts\n(.*?)\n## /s.exec(Deno.readTextFileSync(README))![1]!;
  const rows = section.split("\n").filter((line) => line.startsWith("| ")).slice(2)
    .map((line) => line.split("|").map((cell) => cell.trim()));
  return new Map(rows.map(([, name = "", , keys = ""]) => {
    const words = keys.replace(/\([^)]*\)/g, "").matchAll(/`([a-zA-Z]+)`/g);
    return [name, [...words].map(([, word]) => word!)];
  }));
}

/** The keys that the sentences below the table promise of a part. */
function documentedParts(text: RegExp): string[] {
  const flowing = Deno.readTextFileSync(README).replace(/\s+/g, " ");
  const [, words = ""] = text.exec(flowing) ?? [];
  return [...words.matchAll(/`([a-zA-Z]+)`/g)].map(([, word]) => word!);
}

Deno.test("what README promises of the JSON that commands print is what they print", async () => {
  await using bench = await Bench.make();
  const keys = documentedKeys();
  const has = (name: string, object: object) =>
    assertEquals(Object.keys(object).sort(), keys.get(name)!.toSorted(), name);
  const pv = async (...args: string[]) => {
    const { code, stdout, stderr } = await bench.podvisor(args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  const json = async (...args: string[]) => JSON.parse(await pv(...args));
  const root = join(bench.state, "root");
  await Deno.mkdir(root);

  const pod = await json("pod", "create", "--hypervisor=mock", "--agent=noop", "--json", "p");
  has("pod", pod);
  const ofPod = documentedParts(/A pod's `config` has (.*?);/);
  assert(ofPod.length === 7 && ofPod.every((key) => key in pod.config), `${ofPod}`);
  assertEquals(Object.keys(pod.vm).sort(), ["accelerator", "process", "shareDaemon"]);
  assertEquals(Object.keys(pod.vm.process), ["pid", "startTime"]);
  for (const verb of ["start", "pause", "resume"]) {
    has("pod", await json("pod", verb, "--json", "p"));
  }

  const run = ["container", "run", "-d", "--pod", "p", "--name", "c", "--json", root, "sleep", "9"];
  const container = await json(...run);
  has("container", container);
  const ofContainer = documentedParts(/A container's `config` has (.*?);/);
  assert(ofContainer.length === 9, `${ofContainer}`);
  assert(ofContainer.every((key) => key in container.config), `${ofContainer}`);
  assertEquals([STATES.includes(container.state), container.exit], [true, null]);
  has("container", (await json("container", "list", "--json"))[0]);
  has("container", await json("container", "inspect", "c"));
  assertEquals(await json("container", "ps", "--json", "c"), []);
  const { directory, containers, ...rest } = await json("pod", "inspect", "p");
  has("pod", rest);
  has("container", containers[0]);
  assertEquals([typeof directory, keys.get("pod whole")], ["string", ["directory", "containers"]]);
  has("pod short", (await json("pod", "list", "--json"))[0]);
  has("log line", JSON.parse((await pv("logs", "--pod", "p", "--json")).split("\n")[0]!));
  has("container", await json("container", "stop", "--json", "c"));
  const stopped = await json("pod", "stop", "--json", "p");
  has("pod", stopped);
  assertEquals([stopped.vm, stopped.proxy, stopped.reason], [null, null, null]);
  await pv("pod", "rm", "p");

  const check = JSON.parse((await bench.podvisor(["check", "--json"])).stdout);
  has("check", check);
  for (const finding of check.findings) has("finding", finding);
  const config = await json("config", "--json");
  for (const setting of Object.values<object>(config)) has("setting", setting);
  const noMachine = ["--hypervisor=mock", "--agent=noop"];
  const ended = await bench.podvisor(["run", ...noMachine, "--json", root, "true"]);
  has("end", JSON.parse(ended.stderr));
  // A pod without a record is what a killed command leaves.
  await Deno.mkdir(join(bench.state, "pods/left"), { recursive: true });
  const [leftover] = await json("gc", "--json");
  has("leftover", leftover);
  assertEquals(leftover, { pod: "left", removed: true, processes: [] });
  await bench.assertNothingLeft();
});

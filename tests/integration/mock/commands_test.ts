import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Bench } from "../../harness/podvisor.ts";

const NO_MACHINE = ["--hypervisor", "mock", "--agent", "noop"];

Deno.test("a pod without a machine has a whole life by commands, each of which knows what it is made of", async () => {
  await using bench = await Bench.make();
  const root = join(bench.state, "root");
  await Deno.mkdir(root);
  const commands = [
    ["pod", "create", ...NO_MACHINE, "web"],
    ["pod", "start", "web"],
    ["container", "run", "-d", "--pod", "web", "--name", "a", root, "sleep", "600"],
    ["pod", "pause", "web"],
    ["pod", "resume", "web"],
    ["container", "stop", "a"],
    ["pod", "stop", "web"],
    ["pod", "start", "web"],
    ["pod", "rm", "--force", "web"],
  ];
  for (const args of commands) {
    const { code, stderr } = await bench.podvisor(args);
    assertEquals([args.join(" "), code, stderr], [args.join(" "), 0, ""]);
  }
  await bench.assertNothingLeft();
});

Deno.test("a command in a pod without a machine ends at once, and nothing is left", async () => {
  await using bench = await Bench.make();
  const root = join(bench.state, "root");
  await Deno.mkdir(root);
  const { code } = await bench.podvisor(["run", ...NO_MACHINE, root, "true"]);
  assertEquals(code, 0);
  await bench.assertNothingLeft();
});

Deno.test("a container whose root is a disk is refused where the agent knows none", async () => {
  await using bench = await Bench.make();
  await bench.podvisor(["pod", "create", ...NO_MACHINE, "web"]);
  const image = join(bench.state, "root.img");
  const bytes = new Uint8Array(1 << 20);
  // An ext4 superblock, as far as one is looked for: the magic number, and a feature that only ext4 has.
  bytes.set([0x53, 0xef], 1024 + 0x38);
  bytes.set([0x42, 0x02], 1024 + 0x60);
  await Deno.writeFile(image, bytes);
  const made = await bench.podvisor(["container", "create", "--pod", "web", image, "sh"]);
  assertEquals(made.code, 125);
  assertStringIncludes(made.stderr, "takes no block devices");
  await bench.podvisor(["pod", "rm", "web"]);
  await bench.assertNothingLeft();
});

Deno.test("the configuration in effect is printed with where it comes from, and commands go by it", async () => {
  await using bench = await Bench.make();
  const file = join(bench.state, "config.toml");
  await Deno.writeTextFile(file, 'hypervisor = "mock"\nagent = "noop"\nmemory_mib = 300\n');
  const env = { PODVISOR_CONFIG: file, XDG_CONFIG_HOME: bench.state };
  const { stdout } = await bench.podvisor(["config", "--json"], { env });
  const config = JSON.parse(stdout);
  assertEquals(config.memory_mib, { value: 300, from: file });
  assertEquals(config.vcpus, { value: 1, from: "default" });
  const table = await bench.podvisor(["config"], { env });
  assertMatch(table.stdout, /^hypervisor +mock +\/.*config\.toml$/m);
  assertMatch(table.stdout, /^\/.*podvisor\/config\.toml +not there$/m);
  assertMatch(table.stdout, /^\/.*config\.toml +read$/m);
  const made = await bench.podvisor(["pod", "create", "--json", "web"], { env });
  const { config: pod } = JSON.parse(made.stdout);
  assertEquals([pod.memoryMiB, pod.kinds.hypervisor.kind], [300, "mock"]);
  // Without the file: the pod knows by itself.
  assertEquals((await bench.podvisor(["pod", "rm", "web"])).code, 0);
  await bench.assertNothingLeft();
  await Deno.writeTextFile(file, "memory = 300\n");
  const wrong = await bench.podvisor(["config"], { env });
  assertEquals(wrong.code, 125);
  assertStringIncludes(wrong.stderr, `Cannot use the key "memory" in ${file}:1: it is unknown`);
});

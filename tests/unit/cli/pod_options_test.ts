import { assertEquals, assertRejects } from "@std/assert";
import { parseOptions } from "../../../lib/cli/options.ts";
import { POD_OPTIONS, readPodOptions } from "../../../lib/cli/pod_options.ts";
import { Config, type ConfigValues } from "../../../lib/config/mod.ts";
import { Failure } from "../../../lib/failure.ts";

async function processors(args: string[], configured: Partial<ConfigValues> = {}) {
  const options = parseOptions(args, POD_OPTIONS);
  const config = new Config().with(configured, "a file");
  const { vcpus, maxVcpus } = await readPodOptions(options, "name", config);
  return [vcpus, maxVcpus];
}

Deno.test("a VM can grow as the options say, else as the configuration does", async () => {
  assertEquals(await processors([]), [1, undefined]);
  assertEquals(await processors(["--max-cpus", "1"]), [1, 1]);
  assertEquals(await processors([], { vcpus: 2, max_vcpus: 4 }), [2, 4]);
  assertEquals(await processors(["--max-cpus", "3", "--cpus", "3"], { max_vcpus: 1 }), [3, 3]);
  assertEquals(await processors(["--max-cpus", "0"], { max_vcpus: 1 }), [1, undefined]);
});

Deno.test("a VM that is to have more processors than it can is refused", async () => {
  for (const args of [["--cpus", "3"], ["--cpus", "2", "--max-cpus", "1"]]) {
    await assertRejects(
      () => processors(args, { max_vcpus: 2 }),
      Failure,
      `Cannot give the VM ${args[1]} processors`,
    );
  }
});

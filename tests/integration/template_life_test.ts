import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { describeFile } from "../../lib/hypervisor/qemu/templates/saved_file.ts";
import { readManifest, writeManifest } from "../../lib/hypervisor/qemu/templates/manifest.ts";
import { eventually } from "../harness/podvisor.ts";
import { TemplateBench } from "../harness/template_bench.ts";
import { makePod } from "./network_pod.ts";
import { settle } from "./network_sandbox.ts";

Deno.test("templates are made, used, replaced and removed, and never stand in a pod's way", async (t) => {
  await using bench = await TemplateBench.make();
  const run = (...args: string[]) => bench.done("run", ...args);
  const build = () => bench.done("template", "build");

  await t.step("two that are made at the same time are one in the end", async () => {
    const both = await Promise.all([build(), build()]);
    const keys = await bench.keys();
    assertEquals(keys.length, 1);
    assertEquals(both.join("").trim(), keys[0]);
  });

  await t.step("it is told what a template is of", async () => {
    const [key] = await bench.keys();
    const { memoryMiB, vcpus, network } = JSON.parse(
      await bench.done("template", "inspect", key!.slice(0, 12)),
    );
    assertEquals([memoryMiB, vcpus, network], [512, 1, "none"]);
    assertStringIncludes(await bench.done("template", "list"), key!.slice(0, 12));
  });

  await t.step(
    "a restored pod of two processors has its interfaces plugged in, and they come and go",
    async () => {
      await using scene = await makePod();
      const { pod } = scene;
      const before = await pod.dump();
      await bench.done("pod", "run", "n", "--cpus", "2", "--network", `netns:${pod.path}`);
      assertEquals(await bench.origin("n"), (await bench.keys())[0]);
      const seen = ["container", "run", "--pod", "n", "busybox", "ip", "addr"];
      assertStringIncludes(await bench.done(...seen), "inet 10.1.0.2/24");
      await bench.done("network", "rm", "--interface", "eth0", "n");
      assertEquals((await bench.done(...seen)).includes("10.1.0.2"), false);
      await bench.done("network", "add", "--interface", "eth0", "n");
      assertStringIncludes(await bench.done(...seen), "inet 10.1.0.2/24");
      await bench.done("pod", "rm", "--force", "n");
      await settle(pod);
      assertEquals(await pod.dump(), before);
    },
  );

  await t.step(
    "the built-in root is the same as in a VM that boots, and can be written to",
    async () => {
      const root = ["bin", "etc", "home", "mnt", "root", "sbin", "tmp", "usr", "var"];
      const look = `cd /; ls; find ${root.join(" ")} -exec stat -c '%A %u %g %N' {} + | sort; ` +
        "md5sum bin/busybox etc/*; mount | grep -c ' on / '; echo x >/new; cat /new";
      const command = ["busybox", "sh", "-c", look];
      const restored = await run("--name", "same", ...command);
      assertStringIncludes(restored, "/bin/busybox");
      assertEquals(await run("--name", "same", "--no-template", ...command), restored);
      const readOnly = ["sh", "-c", "touch /x 2>/dev/null || hostname; cat /etc/hostname"];
      assertEquals(await run("--name", "ro", "--read-only", "busybox", ...readOnly), "ro\nro\n");
    },
  );

  await t.step("a pod is restored, and outlives its template", async () => {
    const [key] = await bench.keys();
    await bench.done("pod", "create", "p");
    assertEquals(await bench.origin("p"), key);
    await bench.done("template", "rm", key!);
    assertEquals(await bench.keys(), []);
    const args = ["container", "run", "--pod", "p", "--name", "a", "busybox", "hostname"];
    assertEquals(await bench.done(...args), "p\n");
    await bench.done("pod", "rm", "--force", "p");
  });

  await t.step("without a template a pod boots", async () => {
    assertEquals(await run("busybox", "echo", "booted"), "booted\n");
  });

  await t.step("what a killed builder leaves is removed, and its VM ends with it", async () => {
    const builder = bench.bench.start(["template", "build"], { env: bench.env() });
    await eventually("memory of a VM that is to be saved", () => {
      const [name] = names(bench.directory).filter((each) => each.startsWith("building-"));
      const ram = name === undefined ? undefined : join(bench.directory, name, "ram");
      return ram !== undefined && blocks(ram) > 10_000;
    });
    builder.kill("SIGKILL");
    await builder.output();
    await eventually("the end of its VM", async () => {
      const left = await bench.bench.leftovers();
      return left.filter((each) => each.startsWith("process")).length === 0;
    });
    assertMatch(await bench.done("gc"), /removed pod .*\nremoved unfinished template/);
    assertEquals(names(bench.directory), ["lock"]);
  });

  await t.step("a pod that wants one leaves one", async () => {
    const { code } = await bench.podvisor(["run", "busybox", "true"], "auto");
    assertEquals(code, 0);
    await eventually("a template", async () => (await bench.keys()).length === 1);
    await eventually("the end of its making", async () => {
      return (await bench.bench.leftovers()).length === 0;
    });
  });

  await t.step("a larger pod gets what it has more than its template", async () => {
    await bench.done("pod", "create", "large", "--memory", "768M", "--cpus", "2");
    assert(await bench.origin("large") !== undefined);
    const args = ["container", "run", "--pod", "large", "busybox", "sh", "-c"];
    const [cpus, memory] = (await bench.done(...args, "nproc; free -m | awk '/Mem/{print $2}'"))
      .split("\n");
    assertEquals(cpus, "2");
    assert(Number(memory) > 600, memory);
    await bench.done("pod", "rm", "--force", "large");
  });

  await t.step("a pod of another shape boots, and so does one that is to", async () => {
    await bench.done("pod", "create", "small", "--memory", "256M");
    assertEquals(await bench.origin("small"), undefined);
    await bench.done("pod", "rm", "--force", "small");
    await bench.done("pod", "create", "cold", "--no-template");
    assertEquals(await bench.origin("cold"), undefined);
    await bench.done("pod", "rm", "--force", "cold");
  });

  await t.step("state that QEMU does not take is dropped, and the same command boots", async () => {
    const state = Deno.readFileSync(await templateFile(bench, "state"));
    await spoil(bench, "state", state.subarray(0, state.length >> 1));
    const { code, stdout, stderr } = await bench.podvisor(["run", "busybox", "echo", "still"]);
    assertEquals([code, stdout], [0, "still\n"]);
    assertStringIncludes(stderr, "restored VM given up: it boots");
    assertEquals(await bench.keys(), []);
  });

  await t.step("memory without a guest is dropped, and the same command boots", async () => {
    await build();
    await spoil(bench, "ram", new Uint8Array(64 << 20));
    const { code, stdout } = await bench.podvisor(["run", "busybox", "echo", "still"]);
    assertEquals([code, stdout], [0, "still\n"]);
    assertEquals(await bench.keys(), []);
  });

  await bench.bench.assertNothingLeft();
});

async function templateFile(bench: TemplateBench, name: string): Promise<string> {
  return join(bench.directory, (await bench.keys())[0]!, name);
}

/** Overwrites the beginning of a file of the template, as if it had been made so. */
async function spoil(bench: TemplateBench, name: "ram" | "state", bytes: Uint8Array) {
  const path = await templateFile(bench, name);
  if (name === "state") Deno.truncateSync(path, bytes.length);
  using file = Deno.openSync(path, { write: true });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  const manifestPath = await templateFile(bench, "template.json");
  const manifest = (await readManifest(Deno.readTextFileSync(manifestPath)))!;
  Deno.writeTextFileSync(
    manifestPath,
    await writeManifest({ ...manifest, [name]: describeFile(path) }),
  );
}

function names(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function blocks(path: string): number {
  try {
    return Deno.statSync(path).blocks ?? 0;
  } catch {
    return 0;
  }
}

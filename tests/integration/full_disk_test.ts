import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { Bench, PODVISOR } from "../harness/podvisor.ts";

/** A small file system of its own. */
class SmallDisk implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "s", dir: "/tmp" });

  /** @param options as mount(8) takes them */
  constructor(options: string) {
    run("mount", "-t", "tmpfs", "-o", options, "tmpfs", this.path);
  }

  [Symbol.dispose](): void {
    run("umount", this.path);
    Deno.removeSync(this.path);
  }
}

function run(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

Deno.test("where state has no room a pod's start fails, says so and leaves nothing, however far it comes", async () => {
  await using bench = await Bench.make();
  let failures = 0;
  for (const inodes of [3, 8, 12, 14, 16, 20, 24]) {
    using disk = new SmallDisk(`size=1m,nr_inodes=${inodes}`);
    const env = { PODVISOR_STATE: join(disk.path, "s") };
    const { code, stderr } = await bench.podvisor(["run", "busybox", "true"], { env });
    if (code !== 0) {
      failures++;
      assertEquals(code, 125);
      assertMatch(stderr, /no space left on device/i);
    }
    assertEquals(pods(disk), []);
    assertEquals((await bench.podvisor(["gc"], { env })).stdout, "");
  }
  assert(failures >= 4, `${failures} starts failed`);
});

function pods(disk: SmallDisk): string[] {
  try {
    return [...Deno.readDirSync(join(disk.path, "s/pods"))].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("a template that finds no room is told of as that, and none is left", async () => {
  await using bench = await Bench.make();
  using disk = new SmallDisk("size=16m");
  const cache = Deno.env.get("PODVISOR_CACHE") ?? "/var/cache/podvisor";
  Deno.symlinkSync(join(cache, "guest"), join(disk.path, "guest"));
  const env = { PODVISOR_CACHE: disk.path };
  const { code, stderr } = await bench.podvisor(["template", "build"], { env });
  assertEquals(code, 125);
  assertMatch(
    stderr,
    /^podvisor: Cannot make a template in \S+: no space left on device[^\n]*\n {2}A template takes [^\n]+\n$/,
  );
  const left = [...Deno.readDirSync(join(disk.path, "templates"))].map(({ name }) => name);
  assertEquals(left, ["lock"]);
  const { code: booted } = await bench.podvisor(["run", "busybox", "true"], { env });
  assertEquals(booted, 0);
  await bench.assertNothingLeft();
});

Deno.test("output that a full disk does not take makes a command fail", async () => {
  await using bench = await Bench.make();
  const command = [...PODVISOR, "run", "busybox", "sh", "-c", "echo 1; sleep 1; echo 2"];
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@" >/dev/full', "sh", ...command],
    env: bench.env,
  }).output();
  assertEquals(code, 125);
  assertMatch(
    new TextDecoder().decode(stderr),
    /output cannot be written.*No space left on device/,
  );
  await bench.assertNothingLeft();
});

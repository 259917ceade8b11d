/**
 * The compiled binary does the main job where nothing but QEMU is installed: from another directory, with a nearly empty
 * environment, and in a mount namespace in which kernels, modules, busybox and unpackers cannot be seen.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../lib/failure.ts";
import { compile } from "../../lib/guest/image/compile.ts";
import { Bench, type Finished } from "../harness/podvisor.ts";

/** Covers up what a guest is built from, then runs the rest of its arguments with a few variables. */
const HIDE = `
set -e
mount -t tmpfs none /boot
mount -t tmpfs none /lib/modules
for program in busybox xz zstd deno node npx; do
  for directory in /bin /usr/bin /usr/local/bin; do
    if [ -e "$directory/$program" ]; then mount --bind /dev/null "$directory/$program"; fi
  done
done
[ -z "$(ls /boot /lib/modules | grep -v :)" ]
cd /
exec env -i PATH=/usr/bin:/bin PODVISOR_STATE="$1" PODVISOR_CACHE="$2" PODVISOR_TEMPLATE=off "$3" run busybox sh -c "$4"
`;

const decoder = new TextDecoder();

async function run(program: string, args: string[], options: Deno.CommandOptions = {}) {
  const command = new Deno.Command(program, { args, stdin: "null", ...options });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function compiled(directory: string): Promise<string> {
  const binary = join(directory, "podvisor");
  try {
    await compile(binary, () => {});
  } catch (error) {
    // The test's only output is the error: what to do about it belongs to it.
    const hint = error instanceof Failure && error.hint ? `: ${error.hint}` : "";
    throw new Error(`Cannot test the compiled binary: ${error}${hint}`, { cause: error });
  }
  return binary;
}

Deno.test("the compiled binary", async (test) => {
  await using bench = await Bench.make();
  const directory = await Deno.makeTempDir({ prefix: "pv-compiled-" });
  await using _directory = {
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  const binary = await compiled(directory);
  const cache = join(directory, "cache");
  const nearlyEmpty = {
    clearEnv: true,
    env: {
      PATH: "/usr/bin:/bin",
      PODVISOR_STATE: bench.state,
      PODVISOR_CACHE: cache,
      PODVISOR_TEMPLATE: "off",
    },
    cwd: "/",
  };
  const podvisor = (...args: string[]): Promise<Finished> => run(binary, args, nearlyEmpty);

  await test.step("runs a container where QEMU is all there is", async () => {
    const command = "uname -s; cat /proc/1/comm; echo told >&2; exit 42";
    const shell = ["-c", HIDE, "hide", bench.state, cache, binary, command];
    const args = ["--mount", "--propagation", "private", "sh", ...shell];
    const { code, stdout, stderr } = await run("unshare", args, { cwd: "/" });
    assertEquals({ code, stdout, stderr }, { code: 42, stdout: "Linux\nsh\n", stderr: "told\n" });
    await bench.assertNothingLeft();
  });

  await test.step("gives the codes of a command that failed, and of one that cannot run", async () => {
    const missing = await podvisor("run", "busybox", "no-such-program");
    assertEquals([missing.code, missing.stdout], [127, ""]);
    const wrong = await podvisor("run", "--no-such-option", "busybox");
    assertEquals([wrong.code, wrong.stdout], [125, ""]);
    assertMatch(wrong.stderr, /--no-such-option/);
  });

  await test.step("tells its version", async () => {
    const { code, stdout, stderr } = await podvisor("--version");
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^podvisor version \d+\.\d+\.\d+\nspec: \d+\.\d+\.\d+\n$/);
  });

  await test.step("checks the host without asking for what it carries itself", async () => {
    const { code, stdout } = await podvisor("check", "--json");
    const { ok, findings } = JSON.parse(stdout) as {
      ok: boolean;
      findings: { name: string; ok: boolean }[];
    };
    assertEquals([code, ok], [0, true]);
    const names = findings.map(({ name }) => name);
    assert(names.includes("QEMU") && names.includes("accelerator"), stdout);
    assertEquals(names.filter((name) => ["kernel", "busybox", "xz", "zstd"].includes(name)), []);
  });
});

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../../lib/failure.ts";
import { type OciState, runHooks } from "../../../lib/oci/mod.ts";

async function inBundle(test: (bundle: string, state: OciState) => Promise<void>) {
  const bundle = await Deno.makeTempDir();
  const annotations = { "io.example/a": "b" };
  try {
    await test(bundle, {
      ociVersion: "1.1.0",
      id: "c",
      status: "creating",
      pid: 7,
      bundle,
      annotations,
    });
  } finally {
    await Deno.remove(bundle, { recursive: true });
  }
}

/** A hook that runs a line of shell. */
const shell = (script: string) => ({ path: "/bin/sh", args: ["sh", "-c", script] });

Deno.test("hooks of a phase run in order in the bundle, with the state on stdin and their own environment", () =>
  inBundle(async (bundle, state) => {
    await runHooks("createRuntime", {
      prestart: [shell("echo never > never")],
      createRuntime: [
        { ...shell("/bin/cat > state; echo $A $HOME > env"), env: ["A=b=c"] },
        { path: "/bin/sh", args: ["other", "-c", "echo $0 >> env"] },
        shell('test -n "$PATH" && echo inherited >> env'),
      ],
    }, state);
    assertEquals(JSON.parse(await Deno.readTextFile(join(bundle, "state"))), state);
    assertEquals(await Deno.readTextFile(join(bundle, "env")), "b=c\nother\ninherited\n");
    assertEquals([...Deno.readDirSync(bundle)].length, 2);
  }));

Deno.test("a hook that fails ends its phase, and says why", () =>
  inBundle(async (bundle, state) => {
    const run = (hook: object) =>
      runHooks("prestart", {
        prestart: [hook as { path: string }, shell("echo never > never")],
      }, state);
    const message = async (hook: object) => (await assertRejects(() => run(hook), Failure)).message;
    assertMatch(
      await message(shell("echo nothing goes >&2; exit 3")),
      /the container c: its prestart hook \/bin\/sh ended with status 3: nothing goes$/,
    );
    assertMatch(await message(shell("kill -9 $$")), /ended by the signal SIGKILL$/);
    assertMatch(await message({ path: "/no/such" }), /\/no\/such could not be run: .*\/no\/such/);
    assertMatch(
      await message({ ...shell("sleep 60"), timeout: 1 }),
      /did not end within 1 s$/,
    );
    assertEquals([...Deno.readDirSync(bundle)], []);
  }));

Deno.test("what fails after the container has started, or ended, changes nothing", () =>
  inBundle(async (bundle, state) => {
    for (const phase of ["poststart", "poststop"] as const) {
      await runHooks(phase, { [phase]: [shell("exit 1"), shell("echo x >> ran")] }, state);
    }
    assertEquals(await Deno.readTextFile(join(bundle, "ran")), "x\nx\n");
  }));

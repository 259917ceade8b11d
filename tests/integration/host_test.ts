import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Bench, PODVISOR } from "../harness/podvisor.ts";

/** A compiled podvisor carries its guest; one from source builds it. */
const PACKAGES = Deno.env.get("PODVISOR_BINARY")
  ? ["qemu-system-x86"]
  : ["qemu-system-x86", "xz-utils", "zstd"];
const INSTALL = `apt-get install --yes --no-install-recommends ${PACKAGES.join(" ")}`;

/** A directory to be all of PATH. */
async function emptyPath(bench: Bench): Promise<string> {
  const path = join(bench.state, "bin");
  await Deno.mkdir(path);
  return path;
}

Deno.test("a host without QEMU is told so by check, with what to install, and by a command that needs it", async () => {
  await using bench = await Bench.make();
  const env = { PATH: await emptyPath(bench) };
  const { code, stdout } = await bench.podvisor(["check"], { env });
  assertEquals(code, 1);
  assertMatch(stdout, /^missing +QEMU +not found: it starts the virtual machines$/m);
  assertMatch(stdout, /^ +apt-get install --yes --no-install-recommends qemu-system-x86$/m);
  const { ok, findings } = JSON.parse(
    (await bench.podvisor(["check", "--json"], { env })).stdout,
  );
  const [qemu] = findings;
  assertEquals([ok, qemu.ok, qemu.packages], [false, false, ["qemu-system-x86"]]);
  const guest = ["--kernel", "/dev/null", "--initrd", "/dev/null"];
  const run = await bench.podvisor(["pod", "create", ...guest, "p"], { env });
  assertEquals(run.code, 125);
  assertStringIncludes(run.stderr, "qemu-system-x86_64 is not installed");
  assertStringIncludes(run.stderr, "apt-get install qemu-system-x86");
  await bench.assertNothingLeft();
});

Deno.test("set-up names each missing package with its reason, and the command that installs them", async () => {
  await using bench = await Bench.make();
  const { code, stderr } = await bench.podvisor(["setup"], {
    env: { PATH: await emptyPath(bench) },
  });
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    "missing qemu-system-x86 (not found: it starts the virtual machines)",
  );
  assertStringIncludes(stderr, `Install them: ${INSTALL}`);
});

Deno.test("set-up that may not install prints the exact command for root instead", async () => {
  await using bench = await Bench.make();
  // Nobody by number, who as the files' owner may still read the program itself.
  const { code, stderr } = await new Deno.Command("/usr/bin/unshare", {
    args: ["--user", ...PODVISOR, "setup", "--install"],
    env: { ...bench.env, PATH: await emptyPath(bench) },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1, text);
  assertStringIncludes(text, "missing qemu-system-x86 (");
  assertStringIncludes(text, `Install them as root: ${INSTALL}`);
});

Deno.test("set-up as root installs what is missing, tells what for, and does not believe what has not come", async () => {
  await using bench = await Bench.make();
  const path = await emptyPath(bench);
  const calls = join(bench.state, "calls");
  const script = `#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> ${calls}\n`;
  await Deno.writeTextFile(join(path, "apt-get"), script, { mode: 0o755 });
  const install = () => bench.podvisor(["setup", "--install"], { env: { PATH: path } });
  const { code, stderr } = await install();
  assertEquals(
    await Deno.readTextFile(calls),
    [
      "noninteractive update\n",
      `noninteractive ${INSTALL.replace("apt-get ", "")}\n`,
    ].join(""),
  );
  assertStringIncludes(stderr, "installing qemu-system-x86 (");
  assert(code !== 0);
  assertStringIncludes(stderr, "Cannot prepare this host: QEMU: not found");
  await Deno.writeTextFile(join(path, "apt-get"), "#!/bin/sh\necho 'no network' >&2; exit 100\n");
  const failed = await install();
  assert(failed.code !== 0);
  assertStringIncludes(
    failed.stderr,
    "Cannot install packages: apt-get update failed: no network",
  );
  assertStringIncludes(failed.stderr, "Run it by hand: apt-get update");
});

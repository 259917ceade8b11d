/** A container's control groups where all are of version 2, as on most hosts: in a guest, which is such a one. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { Bench } from "../harness/podvisor.ts";

const REPOSITORY = fromFileUrl(new URL("../..", import.meta.url));
const PROGRAM = "/repository/tests/integration/unified_groups_program.ts";
const CAPABILITIES = ["CAP_SYS_ADMIN", "CAP_KILL", "CAP_DAC_OVERRIDE"];
/** Directories of a root file system, and links into what is mounted there. */
const DIRECTORIES = ["usr", "tmp", "proc", "sys", "dev", "repository", "runtime", "cache"];
const LINKS = { lib: "usr/lib", lib64: "usr/lib64", bin: "usr/bin" };

Deno.test("control groups of version 2 are made, entered, watched and removed", async (test) => {
  await using bench = await Bench.make();
  const { code, stdout, stderr } = await bench.podvisor(["run", await makeBundle(bench)]);
  assertEquals([code, stderr], [0, ""]);
  const told = JSON.parse(stdout);

  await test.step("systemd's notation names a scope in slices", () => {
    const scope = "/pods.slice/pods-web.slice/podvisor-one.scope";
    assertEquals(told.directories, [`/sys/fs/cgroup${scope}`]);
    assertEquals([told.entered, told.left], [`0::${scope}`, "0::/home"]);
  });

  await test.step("it counts what engines read", () => {
    for (const name of ["cpu", "memory", "pids"]) assert(told.controllers.includes(name), stdout);
  });

  await test.step("a kill in a guest is counted there, and nothing else is changed", () => {
    assertEquals(told.memoryGroup, told.directories[0]);
    assertMatch(told.events, /^max 0\noom 0\noom_kill 1$/m);
    assertEquals(told.beside, ["podvisor-one.scope"]);
  });

  await test.step("nothing of it is left", () => assertEquals(told.afterwards, []));
});

/** A bundle that runs the program in this runtime. */
async function makeBundle(bench: Bench): Promise<string> {
  const bundle = join(bench.state, "bundle");
  for (const name of DIRECTORIES) {
    await Deno.mkdir(join(bundle, "rootfs", name), { recursive: true });
  }
  for (const [name, to] of Object.entries(LINKS)) {
    await Deno.symlink(to, join(bundle, "rootfs", name));
  }
  const bind = (destination: string, source: string) => ({
    destination,
    type: "bind",
    source,
    options: ["rbind", "ro"],
  });
  const runtime = await Deno.realPath(Deno.execPath());
  const config = {
    ociVersion: "1.1.0",
    root: { path: "rootfs" },
    process: {
      args: [
        `/runtime/${runtime.slice(dirname(runtime).length + 1)}`,
        ...["run", "--quiet", "--no-check", "--allow-all", "--cached-only", PROGRAM],
      ],
      env: ["DENO_DIR=/cache", "HOME=/tmp"],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
    },
    mounts: [
      bind("/usr", "/usr"),
      bind("/repository", REPOSITORY),
      bind("/runtime", dirname(runtime)),
      bind("/cache", await cacheDirectory()),
      { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"] },
    ],
    linux: { namespaces: ["pid", "mount", "cgroup", "uts", "ipc"].map((type) => ({ type })) },
  };
  await Deno.writeTextFile(join(bundle, "config.json"), JSON.stringify(config));
  return bundle;
}

/** Where this runtime keeps the packages that the program needs. */
async function cacheDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

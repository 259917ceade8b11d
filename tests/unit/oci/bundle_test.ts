import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../../lib/failure.ts";
import { isBundle, parseEnv, readBundle } from "../../../lib/oci/mod.ts";

async function withConfig(config: unknown, test: (directory: string) => void | Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    const text = typeof config === "string" ? config : JSON.stringify(config);
    await Deno.writeTextFile(join(directory, "config.json"), text);
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an environment variable keeps everything after its first equals sign", () => {
  assertEquals(parseEnv("A=b=c"), { env: "A", value: "b=c" });
  assertEquals(parseEnv('A= "x" '), { env: "A", value: ' "x" ' });
  assertEquals(parseEnv("A="), { env: "A", value: "" });
  assertEquals(parseEnv("A"), { env: "A", value: "" });
});

Deno.test("a directory is a bundle when it has a config.json", async () => {
  await withConfig({}, (directory) => {
    assertEquals(isBundle(directory), true);
    assertEquals(isBundle(join(directory, "nowhere")), false);
  });
});

Deno.test("a bundle's process, root and mounts are read as the specification has them", () =>
  withConfig({
    ociVersion: "1.1.0",
    hostname: "h",
    root: { path: "rootfs", readonly: true },
    process: {
      terminal: true,
      consoleSize: { height: 25, width: 80 },
      user: { uid: 1, gid: 2, additionalGids: [3, 4] },
      args: ["sh", "-c", "x"],
      env: ["PATH=/bin", "A=b=c"],
      cwd: "/tmp",
      capabilities: { bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"] },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 5, hard: 6 }],
      noNewPrivileges: true,
    },
    mounts: [
      { destination: "/proc", type: "proc" },
      { destination: "/data", type: "bind", source: "data", options: ["rbind", "ro"] },
      { destination: "/abs", source: "/srv", options: ["bind"] },
      { destination: "/dev/x", type: "bind", source: "/x" },
    ],
    linux: { resources: { cpu: { shares: 7, quota: 8, period: 9 } } },
  }, async (directory) => {
    const { container, hostname } = await readBundle(directory);
    assertEquals(hostname, "h");
    assertEquals(container.root, { kind: "directory", path: join(directory, "rootfs") });
    assertEquals(container.readOnlyRoot, true);
    const { command } = container;
    assertEquals([command.user, command.group, command.additionalGroups], ["1", "2", ["3", "4"]]);
    assertEquals(command.env, [{ env: "PATH", value: "/bin" }, { env: "A", value: "b=c" }]);
    assertEquals(command.size, { rows: 25, columns: 80 });
    assertEquals(command.capabilities?.bounding, ["CAP_CHOWN"]);
    assertEquals(command.capabilities?.ambient, []);
    assertEquals(command.limits, [{ type: "RLIMIT_NOFILE", soft: 5, hard: 6 }]);
    assertEquals(
      container.volumes.map(({ source, destination, readOnly }) =>
        `${source} ${destination} ${readOnly}`
      ),
      [`${join(directory, "data")} /data true`, "/srv /abs false", "/x /dev/x false"],
    );
    assertEquals(container.cpu, { shares: 7, quota: 8, period: 9 });
  }));

Deno.test("a bundle that lacks what a container must have is refused by the name of it", async () => {
  const cases: [unknown, string][] = [
    ["{", "Cannot read the bundle's"],
    [{}, "root.path"],
    [{ root: { path: "r" } }, "process.args"],
    [{ root: { path: "r" }, process: { args: [] } }, "process.args"],
  ];
  for (const [config, expected] of cases) {
    await withConfig(config, async (directory) => {
      await assertRejects(() => readBundle(directory), Failure, expected);
    });
  }
});

Deno.test("a bundle's limits and file systems in memory are kept, negative limits are none", () =>
  withConfig({
    root: { path: "r" },
    process: { args: ["x"] },
    mounts: [
      { destination: "/dev", type: "tmpfs", options: ["size=65536k"] },
      { destination: "/dev/shm", type: "tmpfs", options: ["size=32m"] },
      { destination: "/run", type: "tmpfs", options: ["mode=755", "size=1m", "noexec"] },
    ],
    linux: {
      resources: { cpu: { quota: 5000, cpus: "0" }, memory: { limit: -1 }, pids: { limit: 9 } },
    },
  }, async (directory) => {
    const { container } = await readBundle(directory);
    assertEquals(container.cpu, { quota: 5000, period: 100_000, shares: 0, set: "0" });
    assertEquals([container.memory, container.pids], [0, 9]);
    const mounts = container.details!.mounts;
    assertEquals(mounts.find(({ path }) => path === "/dev/shm")?.options, ["size=32m"]);
    assertEquals(mounts.find(({ path }) => path === "/run"), {
      path: "/run",
      type: "tmpfs",
      set: 8,
      options: ["mode=755", "size=1m"],
    });
  }));

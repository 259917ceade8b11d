import { assertEquals, assertRejects } from "@std/assert";
import { Config, loadConfig } from "../../../lib/config/mod.ts";
import { Failure } from "../../../lib/failure.ts";

/** Configuration files in a directory of their own: system, user's and named. */
class Files implements Disposable {
  readonly directory = Deno.makeTempDirSync();
  readonly system = `${this.directory}/system.toml`;
  readonly user = `${this.directory}/home/.config/podvisor/config.toml`;
  readonly named = `${this.directory}/named.toml`;

  write(path: string, text: string): void {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }

  async load(env: Record<string, string> = {}): Promise<Config> {
    return await loadConfig({
      env: { HOME: `${this.directory}/home`, ...env },
      system: this.system,
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("without files everything is as by default", async () => {
  using files = new Files();
  const config = await files.load();
  assertEquals(config.get("proxy"), "builtin");
  assertEquals(config.get("memory_mib"), 512);
  assertEquals(new Set(config.entries().map(({ from }) => from)), new Set(["default"]));
  const missing = [files.system, files.user].map((path) => ({ path, there: false }));
  assertEquals(config.files, missing);
});

Deno.test("the user's file goes over the system's, and the named one over both", async () => {
  using files = new Files();
  files.write(files.system, 'memory_mib = 256\nvcpus = 2\nlog_level = "info"\n');
  files.write(files.user, "vcpus = 3\n# a comment\nshare = 'virtiofs'\n");
  files.write(files.named, 'log_level = "debug"\n');
  const config = await files.load({ PODVISOR_CONFIG: files.named });
  assertEquals(config.files.map(({ there }) => there), [true, true, true]);
  const told = config.entries().filter(({ from }) => from !== "default");
  assertEquals(told, [
    { key: "memory_mib", value: 256, from: files.system },
    { key: "vcpus", value: 3, from: files.user },
    { key: "share", value: "virtiofs", from: files.user },
    { key: "log_level", value: "debug", from: files.named },
  ]);
});

Deno.test("the user's file is looked for below XDG_CONFIG_HOME where that is absolute", async () => {
  using files = new Files();
  files.write(`${files.directory}/xdg/podvisor/config.toml`, "vcpus = 4\n");
  const { directory } = files;
  assertEquals((await files.load({ XDG_CONFIG_HOME: `${directory}/xdg` })).get("vcpus"), 4);
  assertEquals((await files.load({ XDG_CONFIG_HOME: "xdg" })).get("vcpus"), 1);
});

Deno.test("what is wrong in a file is told with key, file and line", async () => {
  using files = new Files();
  for (
    const [text, message] of [
      ["\nvcpu = 2\n", `Cannot use the key "vcpu" in ${files.system}:2: it is unknown`],
      ["[proxy]\npath = 1\n", `for proxy in ${files.system}:1: it is one of "builtin", "cc-proxy"`],
      ["vcpus = 0\n", `Cannot use 0 for vcpus in ${files.system}:1: a whole number from 1 to 240`],
      ["max_vcpus = 241\n", "Cannot use 241 for max_vcpus"],
      ["vcpus = 1.5\n", "Cannot use 1.5 for vcpus"],
      ['vcpus = "2"\n', 'Cannot use "2" for vcpus'],
      ["memory_mib = 1\n", "a whole number from 160 to"],
      ['shim = "cc"\n', 'Cannot use "cc" for shim'],
      ['kernel = "vmlinux"\n', "an absolute path is needed"],
      ['network = ""\n', "a text is needed"],
      ["vcpus = = 2\n", `Cannot read the configuration file ${files.system}: `],
    ] as const
  ) {
    files.write(files.system, text);
    await assertRejects(() => files.load(), Failure, message);
  }
});

Deno.test("a file that is named and not there is an error, one that cannot be read is too", async () => {
  using files = new Files();
  const missing = { PODVISOR_CONFIG: files.named };
  await assertRejects(() => files.load(missing), Failure, "named.toml: there is none");
  Deno.mkdirSync(files.system);
  await assertRejects(() => files.load(), Failure, "Cannot read the configuration file");
});

/** The command lines by which engines call a runtime, and runc's options in each form that it takes them. */
import { assertEquals, assertThrows } from "@std/assert";
import { COMMANDS } from "../../../lib/cli/commands.ts";
import { readEngineLimits } from "../../../lib/cli/engine_limits.ts";
import { GLOBAL_OPTIONS } from "../../../lib/cli/help.ts";
import { type ParsedOptions, parseOptions } from "../../../lib/cli/options.ts";
import { Failure } from "../../../lib/failure.ts";

const PROCESS = ["console-socket", "pidfd-socket", "pid-file", "preserve-fds"];
const CREATE = {
  values: ["bundle", "b", ...PROCESS],
  flags: ["no-pivot", "no-new-keyring"],
};
/** The options of runc 1.1 to 1.3, by command. */
const RUNC: Readonly<Record<string, { values: readonly string[]; flags: readonly string[] }>> = {
  create: CREATE,
  run: {
    values: CREATE.values,
    flags: [...CREATE.flags, "detach", "d", "keep", "no-subreaper"],
  },
  exec: {
    values: [
      ...[...PROCESS, "cwd", "env", "e", "user", "u", "additional-gids", "g", "process", "p"],
      ...["process-label", "apparmor", "cap", "c", "cgroup"],
    ],
    flags: ["tty", "t", "detach", "d", "no-new-privs", "ignore-paused"],
  },
  start: { values: [], flags: [] },
  state: { values: [], flags: [] },
  kill: { values: [], flags: ["all", "a"] },
  delete: { values: [], flags: ["force", "f"] },
  pause: { values: [], flags: [] },
  resume: { values: [], flags: [] },
  ps: { values: ["format", "f"], flags: [] },
  list: { values: ["format", "f"], flags: ["quiet", "q"] },
  events: { values: ["interval"], flags: ["stats"] },
  spec: { values: ["bundle", "b"], flags: ["rootless"] },
  features: { values: [], flags: [] },
  update: {
    values: [
      ...["resources", "r", "blkio-weight", "cpu-period", "cpu-quota", "cpu-burst", "cpu-share"],
      ...["cpu-rt-period", "cpu-rt-runtime", "cpuset-cpus", "cpuset-mems", "kernel-memory"],
      ...["kernel-memory-tcp", "memory", "cpu-idle", "memory-reservation", "memory-swap"],
      ...["pids-limit", "l3-cache-schema", "mem-bw-schema"],
    ],
    flags: [],
  },
};
const GLOBAL = {
  values: ["log", "log-format", "root", "criu", "rootless"],
  flags: ["debug", "systemd-cgroup"],
};

Deno.test("runc's options are taken with one dash or two, with a space or an equals sign", async () => {
  for (const [name, { values, flags }] of Object.entries(RUNC)) {
    const { options } = await COMMANDS[name]!.load();
    const given = (option: string, parsed: ParsedOptions) =>
      parsed.values.get(
        options.find((each) => each.name === option || each.short === option)!.name,
      );
    for (const dashes of ["-", "--"]) {
      for (const option of values) {
        for (const form of [[`${dashes}${option}`, "1"], [`${dashes}${option}=1`]]) {
          const parsed = parseOptions([...form, "id"], options, "first", "go");
          assertEquals(String(given(option, parsed)), "1", `${name} ${form.join(" ")}`);
          assertEquals(parsed.operands, ["id"]);
        }
      }
      for (const option of flags) {
        const look = (text: string) =>
          given(option, parseOptions([`${dashes}${option}${text}`, "id"], options, "first", "go"));
        assertEquals([look(""), look("=true"), look("=1"), look("=false"), look("=0")], [
          true,
          true,
          true,
          false,
          false,
        ], `${name} ${option}`);
        assertThrows(() => look("=maybe"), Failure, "true or false is needed");
      }
    }
  }
});

Deno.test("so are those before the command", () => {
  for (const option of GLOBAL.values) {
    for (const form of [[`--${option}`, "x"], [`--${option}=x`], [`-${option}`, "x"]]) {
      const parsed = parseOptions([...form, "state", "id"], GLOBAL_OPTIONS, "first", "go");
      assertEquals([parsed.value(option), parsed.operands], ["x", ["state", "id"]]);
    }
  }
  for (const option of GLOBAL.flags) {
    const parsed = parseOptions([`-${option}`, "list"], GLOBAL_OPTIONS, "first", "go");
    assertEquals(parsed.flag(option), true);
  }
});

Deno.test("the command lines of engines are understood", async () => {
  const lines = [
    // containerd's and Docker's shim (go-runc), podman's and CRI-O's conmon, and these themselves.
    "--root /r --log /l --log-format json --systemd-cgroup create --bundle /b --pid-file /p --console-socket /s id",
    "--root /r --log /l --log-format json --rootless=false exec --process /f --detach --pid-file /p id",
    "--root /r --log /l --log-format json kill --all id 9",
    "--root /r delete --force id",
    "--root /r update --resources=- id",
    "--root /r events --interval=5s id",
    "--root /r ps --format json id",
    "--log-format=json --log /l create --bundle /b --pid-file /p --no-pivot --no-new-keyring --preserve-fds 2 id",
    "exec --pid-file /p --process /f --detach --preserve-fds 1 --console-socket /s id",
    "kill id 15",
    "--systemd-cgroup start id",
    "--root=/r list --format=json",
  ];
  for (const line of lines) {
    const globals = parseOptions(line.split(" "), GLOBAL_OPTIONS, "first", "go");
    const [name = "", ...args] = globals.operands;
    const { options, takesCommand, operands, forEngines } = await COMMANDS[name]!.load();
    const place = takesCommand ? "first" : "anywhere";
    const { length } = parseOptions(args, options, place, "go").operands;
    assertEquals(length >= operands[0] && length <= operands[1], true, line);
    assertEquals(forEngines!(args), true, line);
  }
});

Deno.test("of a value that is given twice engines get the last, and an empty operand is one", async () => {
  const { options } = await COMMANDS.create!.load();
  const parsed = parseOptions(["--pid-file", "a", "-pid-file=b", ""], options, "anywhere", "go");
  assertEquals([parsed.value("pid-file"), parsed.operands], ["b", [""]]);
});

Deno.test("run is an engine's when it names a bundle, also wrongly, and else a person's", async () => {
  const { forEngines } = await COMMANDS.run!.load();
  const isEngine = (line: string) => forEngines!(line.split(" "));
  for (const line of ["--bundle /b id", "-b /b id", "-bundle=/b id", "-b /b --bogus id"]) {
    assertEquals(isEngine(line), true, line);
  }
  for (const line of ["busybox ls --bundle x", "-it busybox sh", "--name a ./b cat -b"]) {
    assertEquals(isEngine(line), false, line);
  }
});

Deno.test("limits on update's command line are those of a file", async () => {
  const { options } = await COMMANDS.update!.load();
  const read = (line: string) => readEngineLimits(parseOptions(line.split(" "), options));
  assertEquals(read("id"), undefined);
  const line = "--memory 64M --memory-swap -1 --cpu-share 512 --cpuset-cpus 0-1 --pids-limit 9 id";
  assertEquals(JSON.parse(read(line)!), {
    cpu: { shares: 512, cpus: "0-1" },
    memory: { limit: 64 << 20, swap: -1 },
    pids: { limit: 9 },
  });
  assertThrows(() => read("--pids-limit many id"), Failure, "a whole number or -1 is needed");
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import {
  DEFAULT_DEVICES,
  deviceFilter,
  type DeviceRule,
} from "../../../lib/guest/agent/device_filter.ts";
import { GoCode } from "../../../lib/hyperstart/mod.ts";
import { loadDeviceProgram, pause, signalProcess } from "../../../lib/sys/mod.ts";

// The library of system calls stays open: it is loaded before a test could be blamed for it.
signalProcess(Deno.pid, 0);

/*
 * The agent's containers on this machine's own kernel, without a VM: the same code in a tenth of the time. Needs root.
 * All of it runs in a mount namespace of its own, so nothing can be left mounted.
 */

const ACK = GoCode.ACK, ERROR = GoCode.ERROR;

interface Said {
  reply?: number;
  sequence?: number;
  text: string;
  bytes?: number[];
}

/** A machine with an agent and one root file system, `image/rootfs` of busybox. */
class Machine implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "podvisor-test-" });
  readonly root = join(this.directory, "share/image/rootfs");
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #kept: Said[] = [];
  #partial = "";

  /** @param parked whether containers find a process that has waited for them */
  constructor(readonly parked: boolean) {
    Deno.mkdirSync(join(this.root, "bin"), { recursive: true });
    Deno.mkdirSync(join(this.root, "etc"));
    Deno.mkdirSync(join(this.directory, "run"));
    Deno.copyFileSync(busybox(), join(this.root, "bin/busybox"));
    for (const applet of ["sh", "cat", "id", "sleep", "true", "stty", "ls", "touch", "grep"]) {
      Deno.symlinkSync("busybox", join(this.root, "bin", applet));
    }
    Deno.writeTextFileSync(join(this.root, "etc/passwd"), "bob:x:1000:100::/home/bob:/bin/sh\n");
    Deno.writeTextFileSync(join(this.root, "etc/group"), "users:x:100:\nwheel:x:10:bob\n");
    this.#process = new Deno.Command("unshare", {
      args: [
        "--mount",
        Deno.execPath(),
        "run",
        "--allow-all",
        "--no-check",
        "--config",
        fromFileUrl(new URL("../../../deno.json", import.meta.url)),
        fromFileUrl(new URL("agent_session.ts", import.meta.url)),
        this.directory,
        cgroups(),
        String(this.parked),
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async command(code: number, message: unknown = {}): Promise<Said> {
    await this.#write([code, message]);
    return await this.#next((said) => said.reply !== undefined);
  }

  input(sequence: number, text?: string): Promise<void> {
    return this.#write(text === undefined ? ["input", sequence] : ["input", sequence, text]);
  }

  /** What a process writes until its end, and its status. */
  async end(sequence: number): Promise<{ output: string; status: number }> {
    let output = "";
    for (;;) {
      const { text, bytes } = await this.#next((said) => said.sequence === sequence);
      if (bytes!.length > 0) {
        output += text;
        continue;
      }
      const status = await this.#next((said) => said.sequence === sequence);
      return { output, status: status.bytes![0]! };
    }
  }

  /** The next piece that a process writes. */
  async text(sequence: number): Promise<string> {
    return (await this.#next((said) => said.sequence === sequence)).text;
  }

  async start(pod = {}): Promise<void> {
    assertEquals(
      await this.command(GoCode.STARTPOD, { hostname: "pod", shareDir: "share", ...pod }),
      { reply: ACK, text: "" },
    );
    // The first one has no process that waits.
    if (this.parked) await this.run(["true"]);
  }

  container(id: string, args: string[], process = {}, container = {}): Promise<Said> {
    return this.command(GoCode.NEWCONTAINER, {
      id,
      image: "image",
      rootfs: "rootfs",
      process: { args, stdio: 3, stderr: 4, workdir: "/", envs: PATH, ...process },
      ...container,
    });
  }

  exec(id: string, args: string[], process = {}): Promise<Said> {
    return this.command(GoCode.EXECCMD, {
      container: id,
      process: { args, stdio: 5, stderr: 6, workdir: "/", envs: PATH, ...process },
    });
  }

  /** Runs a container to its end. */
  async run(
    args: string[],
    process = {},
    container = {},
  ): Promise<{ output: string; status: number }> {
    assertEquals(await this.container("one", args, process, container), { reply: ACK, text: "" });
    const result = await this.end(3);
    assertEquals(
      await this.command(GoCode.REMOVECONTAINER, { container: "one" }),
      { reply: ACK, text: "" },
    );
    return result;
  }

  /** Pids of the agent's own children that have not ended. */
  children(): number[] {
    return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
      try {
        // Pid, name in parentheses, state, pid of the parent (proc_pid_stat(5)).
        const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
        const [state, parent] = stat.split(") ")[1]!.split(" ");
        return state !== "Z" && Number(parent) === this.#process.pid;
      } catch {
        return false;
      }
    });
  }

  async #write(line: unknown): Promise<void> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(line) + "\n"));
  }

  async #next(wanted: (said: Said) => boolean): Promise<Said> {
    for (;;) {
      const at = this.#kept.findIndex(wanted);
      if (at >= 0) return this.#kept.splice(at, 1)[0]!;
      const { value, done } = await this.#output.read();
      if (done) throw new Error("The agent has ended");
      const lines = (this.#partial + value).split("\n");
      this.#partial = lines.pop()!;
      this.#kept.push(...lines.map((line) => JSON.parse(line)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command(GoCode.DESTROYPOD);
    assertEquals([...Deno.readDirSync(join(this.directory, "run"))].map(({ name }) => name), [
      "share",
    ]);
    await this.#input.close();
    await this.#output.cancel();
    assert((await this.#process.status).success);
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** A container's process is made when it is asked for, or has waited for it. */
function testBothWays(name: string, act: (parked: boolean) => Promise<void>): void {
  Deno.test(name, () => act(false));
  Deno.test(`${name}, in a process that has waited`, () => act(true));
}

const PATH = [{ env: "PATH", value: "/bin" }];

function busybox(): string {
  return ["/bin/busybox", "/usr/bin/busybox"].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  })!;
}

/** Where this machine has cgroups of version 2, if it has. */
function cgroups(): string {
  const line = Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .find((each) => / - cgroup2 .*\brw\b/.test(each));
  return line?.split(" ")[4] ?? "";
}

testBothWays("a container has its own processes, root and kernel file systems", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  const { output, status } = await machine.run([
    "sh",
    "-c",
    "echo $$; ls -d /proc/self /sys/class /dev/pts /dev/shm /dev/fd /dev/null /dev/tty; " +
    "echo x >/dev/null; ls /; touch /sys/x /proc/sys/kernel/hostname; echo y >/dev/stdout; exit 7",
  ]);
  const lines = output.trimEnd().split("\n");
  assertEquals(lines[0], "1");
  assertEquals(lines.slice(1, 8).sort(), [
    "/dev/fd",
    "/dev/null",
    "/dev/pts",
    "/dev/shm",
    "/dev/tty",
    "/proc/self",
    "/sys/class",
  ]);
  assertEquals(lines.slice(8), ["bin", "dev", "etc", "proc", "sys", "y"]);
  assertEquals(status, 7);
});

testBothWays("a process runs as the user whose name the root file system knows", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  const { output } = await machine.run(
    [
      "sh",
      "-c",
      "id -u; id -g; id -G; echo $HOME; pwd; echo out >/dev/stdout; grep CapEff /proc/self/status",
    ],
    { user: "bob", workdir: "/made/for/it" },
  );
  assertEquals(
    output,
    "1000\n100\n100 10\n/home/bob\n/made/for/it\nout\nCapEff:\t0000000000000000\n",
  );
});

testBothWays("capabilities, limits, umask and no_new_privs are as asked for", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  const { output } = await machine.run(
    ["sh", "-c", "grep -E '^(Cap|NoNew)' /proc/self/status; ulimit -c; umask"],
    {
      user: "1000",
      noNewPrivileges: true,
      umask: 0o77,
      rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }],
      capabilities: {
        bounding: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
        effective: ["CAP_KILL"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      },
    },
  );
  const mask = "0000000000000020";
  const sets = ["Inh", "Prm", "Eff", "Bnd", "Amb"].map((set) => `Cap${set}:\t${mask}\n`).join("");
  assertEquals(output, `${sets}NoNewPrivs:\t1\n0\n0077\n`);
});

testBothWays("input, its end, output and errors go their own ways", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  await machine.container("a", ["sh", "-c", "echo err >&2; cat; exit 3"]);
  await machine.input(3, "to and ");
  await machine.input(3, "fro");
  await machine.input(3);
  assertEquals(await machine.end(3), { output: "to and fro", status: 3 });
});

testBothWays("a terminal has the size asked for and is the controlling one", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  const terminal = { terminal: true, stderr: 0, rows: 33, columns: 99 };
  const script = "stty size; ls -1 /dev/console /dev/pts; echo x >/dev/tty";
  const first = await machine.run(["sh", "-c", script], terminal);
  assertEquals(first.output, "33 99\r\n/dev/console\r\n\r\n/dev/pts:\r\n0\r\nptmx\r\nx\r\n");
  await machine.container("a", ["sleep", "1000"]);
  await machine.exec("a", ["sh"], terminal);
  await machine.command(GoCode.WINSIZE, { seq: 5, row: 11, column: 22 });
  await machine.input(5, "stty size; exit 4\n");
  const second = await machine.end(5);
  assertStringIncludes(second.output, "11 22\r\n");
  assertEquals(second.status, 4);
});

testBothWays("further processes join the container and come and go", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  await machine.container("a", ["sleep", "1000"]);
  for (let time = 0; time < 3; time++) {
    await machine.exec("a", ["sh", "-c", "cat /proc/1/cmdline; exit 2"]);
    assertEquals(await machine.end(5), { output: "sleep\x001000\x00", status: 2 });
  }
  await machine.exec("a", ["sh", "-c", "sleep 1000 & echo done"]);
  assertEquals(await machine.end(5), { output: "done\n", status: 0 });
});

testBothWays("what cannot be started is told apart, and leaves nothing behind", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  const failed = "Process could not be started: ";
  const refusals: [string[], object, string][] = [
    [["nosuch"], {}, `${failed}exec nosuch: executable file not found in $PATH (ENOENT)`],
    [["/bin/nosuch"], {}, `${failed}exec /bin/nosuch: no such file or directory (ENOENT)`],
    [["/etc/passwd"], {}, `${failed}exec /etc/passwd: permission denied (EACCES)`],
    [["/etc"], {}, `${failed}exec /etc: permission denied (EACCES)`],
    [["true"], { workdir: "/etc/passwd" }, `${failed}chdir /etc/passwd: not a directory (ENOTDIR)`],
    [
      ["true"],
      { user: "eve" },
      `${failed}unable to find user eve: no matching entries in passwd file`,
    ],
    [[], {}, `${failed}no command given`],
  ];
  for (const [args, process, text] of refusals) {
    assertEquals(await machine.container("a", args, process), { reply: ERROR, text });
  }
  assertEquals((await machine.container("a", ["sleep", "1000"])).reply, ACK);
  for (const [args, process, text] of refusals) {
    assertEquals(await machine.exec("a", args, process), { reply: ERROR, text });
  }
});

testBothWays(
  "a program without execute permission early in PATH is not taken for a missing one",
  async (parked) => {
    await using machine = new Machine(parked);
    await machine.start();
    Deno.mkdirSync(join(machine.root, "first"));
    Deno.writeTextFileSync(join(machine.root, "first/tool"), "");
    const envs = [{ env: "PATH", value: "/none:/first:/bin" }];
    const { text } = await machine.container("a", ["tool"], { envs });
    assertEquals(
      text,
      "Process could not be started: exec /first/tool: permission denied (EACCES)",
    );
    Deno.symlinkSync("/bin/busybox", join(machine.root, "bin/tool"));
    assertEquals((await machine.container("a", ["tool"], { envs })).text, "");
  },
);

testBothWays(
  "directories and files are mounted where they are asked for, read-only too",
  async (parked) => {
    await using machine = new Machine(parked);
    await machine.start();
    const data = join(machine.directory, "share/data");
    Deno.mkdirSync(data);
    Deno.writeTextFileSync(join(data, "file"), "content\n");
    const { output } = await machine.run(
      ["sh", "-c", "cat /mnt/a/file /one; touch /mnt/a/new; touch /mnt/b/no || echo refused"],
      {},
      {
        fsmap: [
          { source: "data", path: "/mnt/a", readOnly: false },
          { source: "data", path: "/mnt/b", readOnly: true },
          { source: "data/file", path: "/one", readOnly: false },
        ],
      },
    );
    assertEquals(output, "content\ncontent\nrefused\n");
    assert(Deno.statSync(join(data, "new")).isFile);
  },
);

testBothWays("a read-only root can be read and not written", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  const script = "touch /etc/x || echo refused; touch /dev/shm/x && echo allowed";
  const { output } = await machine.run(["sh", "-c", script], {}, { readOnly: true });
  assertEquals(output, "refused\nallowed\n");
});

testBothWays("links of a hostile root lead nowhere outside", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  const outside = join(machine.directory, "outside");
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(join(machine.directory, "secret"), "eve:x:7:7::/:\n");
  const mount = { fsmap: [{ source: "image", path: "/link/target", readOnly: false }] };
  Deno.symlinkSync(outside, join(machine.root, "link"));
  const refused = await machine.container("a", ["true"], {}, mount);
  assertEquals(refused.reply, ERROR);
  assertMatch(refused.text, /^Container a could not be created: /);
  assertEquals([...Deno.readDirSync(outside)], []);
  Deno.removeSync(join(machine.root, "etc/passwd"));
  Deno.symlinkSync(join(machine.directory, "secret"), join(machine.root, "etc/passwd"));
  const unknown = await machine.container("a", ["true"], { user: "eve" });
  assertMatch(unknown.text, /unable to find user eve/);
  Deno.removeSync(join(machine.root, "proc"), { recursive: true });
  Deno.symlinkSync("/etc", join(machine.root, "proc"));
  assertMatch(
    (await machine.container("a", ["true"])).text,
    /^Container a could not be .* \(ELOOP\)$/,
  );
  const climbing = await machine.container("a", ["true"], {}, { rootfs: "../../../outside" });
  assertMatch(climbing.text, /^Could not resolve symlink for source /);
});

testBothWays(
  "the pod's name servers are there, also in a root that has no such file",
  async (parked) => {
    await using machine = new Machine(parked);
    await machine.start({ dns: ["10.0.2.3"], dnsSearch: ["a.test"] });
    const { output } = await machine.run(["cat", "/etc/resolv.conf"]);
    assertEquals(output, "nameserver 10.0.2.3\nsearch a.test\n");
  },
);

testBothWays("signals end a container, and its end ends all in it", async (parked) => {
  await using machine = new Machine(parked);
  await machine.start();
  await machine.container("a", [
    "sh",
    "-c",
    "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done",
  ]);
  // Before that the first process of a container ignores the signal.
  assertEquals(await machine.text(3), "ready\n");
  await machine.exec("a", ["sleep", "1000"]);
  const { text } = await machine.command(GoCode.PSCONTAINER, { container: "a", format: "json" });
  assert(JSON.parse(text).length >= 2);
  await machine.command(GoCode.KILLCONTAINER, { container: "a", signal: 15, allProcesses: false });
  assertEquals(await machine.end(5), { output: "", status: 137 });
  assertEquals((await machine.end(3)).status, 5);
});

Deno.test("a container whose process has waited is like one that was made for it", async () => {
  // The shell may not yet wait when a program that it has just forked looks at it: it is R then, or blocks signals still.
  const settled = "until grep -q 'S (sleeping)' /proc/1/status; do :; done";
  // How large a table of files is (FDSize) follows from those that are open at the fork, not from what is asked for.
  const script =
    "mount | cut -d' ' -f1-6 | sort; ls -la /dev /dev/pts /dev/shm | cut -c1-40; ls /; " +
    "hostname; cat /etc/hosts; cat /proc/self/cgroup; umask; env | sort; pwd; ps -o pid,args; " +
    `(${settled}; grep -vE 'voluntary|SigQ|Vm|Rss|Hugetlb|NStgid|Pid:|FDSize' /proc/1/status); ` +
    "ls /proc/self/fd; " +
    "readlink /proc/1/cwd; readlink /proc/1/root; cat /proc/1/oom_score_adj; cat /proc/kcore | wc -c";
  const said: string[][] = [];
  for (const parked of [false, true]) {
    await using machine = new Machine(parked);
    for (
      const applet of ["mount", "cut", "sort", "hostname", "env", "pwd", "ps", "readlink", "wc"]
    ) {
      Deno.symlinkSync("busybox", join(machine.root, "bin", applet));
    }
    Deno.writeTextFileSync(join(machine.root, "etc/hosts"), "");
    await machine.start({ hostname: `pod` });
    await machine.container("one", ["sh", "-c", script], { oomScoreAdj: 300 });
    const { output, status } = await machine.end(3);
    assertEquals(status, 0);
    said.push(output.split("\n"));
  }
  const [made, waited] = said as [string[], string[]];
  assert(made.includes("127.0.0.1 localhost pod") && made.includes("State:\tS (sleeping)"));
  assertEquals(waited.filter((line, at) => line !== made[at]), []);
  assertEquals(waited.length, made.length);
});

Deno.test("a process that waits is left to a container that it fits, and is made up for when it ends", async () => {
  await using machine = new Machine(true);
  await machine.start();
  const waiting = machine.children();
  assertEquals(waiting.length, 1);
  const masked = await machine.run(["true"], {}, { maskedPaths: ["/proc/bus"] });
  assertEquals([masked.status, machine.children()], [0, waiting]);
  await machine.container("two", ["cat"], { stdio: 7, stderr: 8 });
  assertEquals(machine.children(), waiting);
  await machine.input(7);
  assertEquals((await machine.end(7)).status, 0);
  await machine.command(GoCode.REMOVECONTAINER, { container: "two" });
  const [next, ...others] = machine.children();
  assertEquals(others, []);
  Deno.kill(next!, "SIGKILL");
  while (machine.children().length > 0) await pause(1);
  assertEquals((await machine.run(["true"])).status, 0);
});

Deno.test("the kernel takes filters of devices, long ones too", () => {
  loadDeviceProgram(deviceFilter(DEFAULT_DEVICES)).close();
  const many = Array.from({ length: 200 }, (_, minor): DeviceRule => {
    return { allow: minor % 2 === 0, type: "b", major: 8, minor, access: "rw" };
  });
  loadDeviceProgram(deviceFilter([...DEFAULT_DEVICES, ...many])).close();
});

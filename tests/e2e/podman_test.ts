/** Containers of podman in VMs: what its users do with one, and what they see. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../harness/podvisor.ts";
import { Terminal } from "../harness/terminal.ts";
import { IMAGE, NETWORK, Podman } from "./podman.ts";
import { run, tryRun } from "./place.ts";

/** A program that goes on until it is told to end, and says what it gets. */
const SERVICE = "trap 'echo told to end; exit 9' TERM; echo ready; httpd -p 80 -h /data; " +
  "while :; do sleep 1; done";

/** Numbers of all processes. */
function processes(): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) =>
    /^\d+$/.test(name)
  );
}

/** What a process sees mounted; nothing when it has ended. */
function mountsOf(pid: string): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/mountinfo`).split("\n");
  } catch {
    return [];
  }
}

Deno.test("podman runs containers in VMs", async (test) => {
  await using podman = await Podman.make();

  await test.step("a command's output and exit code are podman's", async () => {
    const command = "echo out; echo err >&2; uname -r; exit 3";
    const ended = await podman.run("--rm", "--network", "none", IMAGE, "sh", "-c", command);
    const [first, kernel] = ended.stdout.split("\n");
    assertEquals([ended.code, first, ended.stderr], [3, "out", "err\n"]);
    assert(kernel !== Deno.osRelease());
  });

  await test.step("a terminal of a new container is the user's, and so is what is typed there", async () => {
    using terminal = new Terminal(29, 91);
    const script =
      "until stty size | grep '29 91'; do sleep 0.1; done; read line; echo got $line; exit 4";
    const pid = terminal.start(
      podman.runCommand("-it", "--rm", "--network", "none", IMAGE, "sh", "-c", script),
      {},
    );
    await terminal.expect(/29 91/);
    await terminal.type("typed\n");
    await terminal.expect(/got typed/);
    assertEquals(await terminal.end(pid), 4);
  });

  await test.step("a program that is not there, or is none, is told apart", async () => {
    const absent = await podman.run("--rm", "--network", "none", IMAGE, "no-such-program");
    const directory = await podman.run("--rm", "--network", "none", IMAGE, "/etc");
    assertEquals([absent.code, directory.code], [127, 126]);
    assertMatch(absent.stderr, /"no-such-program": executable file not found in \$PATH/);
  });

  await test.step("a program that nothing can execute ends its container, which says why", async () => {
    const programs = podman.place.file("programs");
    await Deno.mkdir(programs);
    await Deno.writeTextFile(`${programs}/garbage`, "garbage", { mode: 0o755 });
    await Deno.writeTextFile(`${programs}/script`, "#!/no/such/shell\n", { mode: 0o755 });
    const start = (name: string, ...options: string[]) => {
      const common = ["--network", "none", "--volume", `${programs}:/programs`];
      return podman.run(...options, "--name", name, ...common, IMAGE, `/programs/${name}`);
    };
    const garbage = await start("garbage");
    const script = await start("script", "--rm");
    assertEquals([garbage.code, script.code], [126, 127]);
    assertMatch(garbage.stderr, /^podvisor: .* exec \/programs\/garbage: exec format error\n$/);
    assertMatch(
      script.stderr,
      /^podvisor: .* exec \/programs\/script: no such file or directory\n$/,
    );
    const logged = await podman.try("logs", "garbage");
    assertEquals(logged.stderr, garbage.stderr);
    await podman.must("rm", "garbage");
  });

  const host = podman.place.file("volume");
  await Deno.mkdir(host);
  await Deno.writeTextFile(`${host}/page`, "from the host\n");
  await podman.start(
    "service",
    ...["--network", NETWORK, "--publish", "8099:80", "--volume", `${host}:/data`],
    ...["--memory", "64m", "--hostname", "served", IMAGE, "sh", "-c", SERVICE],
  );
  const exec = (...args: string[]) => podman.must("exec", "service", ...args);

  await test.step("its log and state are podman's", async () => {
    await eventually("its log", async () => await podman.must("logs", "service") === "ready");
    const format = "{{.State.Status}} {{.State.Running}} {{.HostConfig.Memory}}";
    const state = await podman.must("inspect", "service", "--format", format);
    assertEquals(state, "running true 67108864");
  });

  await test.step("further commands run in it, with their input, exit codes and users", async () => {
    assertEquals(await exec("hostname"), "served");
    const inputs = podman.command("exec", "--interactive", "service", "wc", "-c");
    assertEquals(await run(inputs, { stdin: "12345" }), "5\n");
    assertEquals((await podman.try("exec", "service", "sh", "-c", "exit 6")).code, 6);
    assertEquals((await podman.try("exec", "service", "no-such-program")).code, 127);
    assertEquals(await podman.must("exec", "--user", "7:8", "service", "id", "-u"), "7");
  });

  await test.step("the memory that it may use is what podman said", async () => {
    assertEquals(await exec("cat", "/sys/fs/cgroup/memory.max"), "67108864");
  });

  await test.step("what takes more than its memory is killed, and podman is told why", async () => {
    // Its first process outlives that.
    const take = ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=100M count=1; exit 5"];
    const limits = ["--name", "greedy", "--network", "none", "--memory", "32m"];
    const directory = podman.place.file("elsewhere");
    await Deno.mkdir(directory);
    const command = podman.runCommand(...limits, IMAGE, ...take);
    assertEquals((await tryRun(command, { cwd: directory })).code, 5);
    // podman's monitor would leave a file there if it were signalled.
    assertEquals([...Deno.readDirSync(directory)], []);
    const told = await podman.must("inspect", "greedy", "--format", "{{.State.OOMKilled}}");
    assertEquals(told, "true");
  });

  await test.step("a terminal has the size of podman's, and follows it", async () => {
    using terminal = new Terminal(31, 97);
    // podman tells the size when the process runs already.
    const until = (size: string) => `until stty size | grep '${size}'; do sleep 0.1; done`;
    const script = `${until("31 97")}; ${until("20 60")}`;
    const command = podman.command("exec", "-it", "service", "sh", "-c", script);
    const pid = terminal.start(command, {});
    await terminal.expect(/31 97/);
    terminal.resize(20, 60);
    await terminal.expect(/20 60/);
    assertEquals(await terminal.end(pid), 0);
  });

  await test.step("its network is podman's: the published port answers", async () => {
    const script = "console.log(await (await fetch('http://127.0.0.1:8099/page')).text())";
    const fetched = await eventually("an answer", async () => {
      const { code, stdout } = await tryRun(podman.place.inside([Deno.execPath(), "eval", script]));
      return code === 0 ? stdout.trim() : undefined;
    });
    assertEquals(fetched, "from the host");
  });

  await test.step("files are copied in and out, and the host's own are left alone", async () => {
    const file = podman.place.file("copied");
    await Deno.writeTextFile(file, "copied\n");
    await podman.must("cp", file, "service:/tmp/pve-copied");
    assertEquals(await exec("cat", "/tmp/pve-copied"), "copied");
    assertEquals((await tryRun(["ls", "/tmp/pve-copied"])).code !== 0, true);
    await exec("sh", "-c", "echo made inside > /tmp/made");
    await podman.must("cp", "service:/tmp/made", `${file}.back`);
    assertEquals(await Deno.readTextFile(`${file}.back`), "made inside\n");
    await exec("sh", "-c", "echo to a volume > /data/written");
    assertEquals(await Deno.readTextFile(`${host}/written`), "to a volume\n");
  });

  await test.step("its processes and what it uses can be looked at", async () => {
    for (const args of [["-o", "pid,args"], ["-ef"]]) {
      assertMatch(await podman.must("top", "service", ...args), /httpd/);
    }
    // Without arguments of ps, podman reads /proc in the mount namespace of the shim.
    const [head, ...lines] = (await podman.must("top", "service")).split("\n");
    assertMatch(head!, /^USER +PID +PPID +%CPU +ELAPSED +TTY +TIME +COMMAND/);
    assert(lines.some((line) => /^root +1 +0 +\d.* \? +\d+s +sh -c trap /.test(line)));
    assert(lines.some((line) => /^root +\d+ +1 .* httpd -p 80 -h \/data *$/.test(line)));
    await podman.must("exec", "--detach", "--user", "7:8", "service", "sleep", "777");
    const further = await podman.must("top", "service", "user", "pid", "ppid", "hpid", "args");
    assertMatch(further, /^7 +[1-9]\d* +0 +\? +sleep 777 *$/m);
    assertMatch(await podman.must("top", "service", "pid", "comm"), /^1 +sh *$/m);
    const stats = await podman.must("stats", "--no-stream", "--format", "{{.PIDs}}", "service");
    assert(Number(stats) > 1);
  });

  await test.step("who looks at the processes of a shim that stands still goes on when it is killed, and nothing of it stays", async () => {
    await podman.start("silent", "--network", "none", IMAGE, "sleep", "1000");
    const list = () => podman.must("top", "--latest", "pid", "args");
    assertMatch(await list(), /^1 +sleep 1000 *$/m);
    const pid = Number(await podman.must("inspect", "silent", "--format", "{{.State.Pid}}"));
    // Others on the host see its own /proc, and nothing of the mount.
    assert(Deno.statSync(`/proc/${pid}/root/proc/${Deno.pid}`).isDirectory);
    const mounts = () =>
      processes().flatMap((each) => mountsOf(each).filter((line) => line.includes("size=32768k")));
    assertEquals(mounts(), []);
    Deno.kill(pid, "SIGSTOP");
    let listed = false;
    const stuck = list().finally(() => listed = true);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assertEquals(listed, false);
    Deno.kill(pid, "SIGKILL");
    assertMatch(await stuck, /^PID +COMMAND/);
    assertEquals(mounts(), []);
    await podman.must("rm", "--force", "--time", "0", "silent");
  });

  await test.step("it can be attached to", async () => {
    const attach = podman.command("attach", "--no-stdin", "--sig-proxy=false", "service");
    const attached = new Deno.Command(attach[0]!, {
      args: attach.slice(1),
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let seen = "";
    const reading = attached.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (text) => void (seen += text) }),
    );
    await eventually("its output", async () => {
      await exec("sh", "-c", "echo hello attached > /proc/1/fd/1");
      return seen.includes("hello attached") || undefined;
    });
    attached.kill("SIGKILL");
    await attached.status;
    await reading;
  });

  await test.step("it stands still and goes on", async () => {
    await podman.must("pause", "service");
    assertEquals(
      await podman.must("inspect", "service", "--format", "{{.State.Status}}"),
      "paused",
    );
    await podman.must("unpause", "service");
    assertEquals(await exec("echo", "goes on"), "goes on");
  });

  await test.step("it is stopped by its own signal handler, starts again, and is killed", async () => {
    await podman.must("stop", "--time", "30", "service");
    const code = () => podman.must("inspect", "service", "--format", "{{.State.ExitCode}}");
    assertEquals(await code(), "9");
    assertMatch(await podman.must("logs", "service"), /told to end/);
    await podman.must("start", "service");
    assertEquals(await exec("cat", "/tmp/made"), "made inside");
    await podman.must("kill", "service");
    await podman.try("wait", "service");
    assertEquals(await code(), "137");
    await podman.must("rm", "service");
  });

  await test.step("what podman says of users, capabilities and files holds", async () => {
    const script = "id -u; id -g; grep CapEff /proc/self/status; touch /x || echo read-only; " +
      "touch /tmp/x && echo temporary; cat /proc/1/comm; grep -c ^Seccomp:.2 /proc/self/status";
    const { code, stdout } = await podman.run(
      ...["--rm", "--network", "none", "--read-only", "--user", "7:8", "--cap-drop", "all"],
      ...["--init", "--tmpfs", "/tmp", IMAGE, "sh", "-c", script],
    );
    assertEquals([code, stdout.trim().split("\n").map((each) => each.replace(/\s+/g, " "))], [
      0,
      ["7", "8", "CapEff: 0000000000000000", "read-only", "temporary", "podman-init", "1"],
    ]);
  });

  await test.step("an image is built, its commands run in VMs", async () => {
    const directory = podman.place.file("build");
    await Deno.mkdir(directory);
    const file =
      `FROM ${IMAGE}\nRUN uname -r > /kernel && ip addr show eth0 > /links\nCMD cat /kernel /links\n`;
    await Deno.writeTextFile(`${directory}/Containerfile`, file);
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"];
    await podman.must("build", ...limits, "--tag", "localhost/built", directory);
    const { stdout } = await podman.run("--rm", "--network", "none", "localhost/built");
    const [kernel] = stdout.split("\n");
    assertMatch(stdout, /eth0.*inet 10\./s);
    assert(kernel !== Deno.osRelease());
  });

  await test.step("nothing of them is left", async () => {
    await podman.must("rm", "--all", "--force", "--time", "0");
    assertEquals(await podman.place.leftovers(), []);
  });
});

Deno.test("containers of one pod of podman share its VM", async () => {
  await using podman = await Podman.make();
  await podman.must("pod", "create", "--name", "shared", "--network", NETWORK);
  await podman.start("one", "--pod", "shared", IMAGE, "httpd", "-f", "-p", "80", "-h", "/etc");
  const fetch = "for i in 1 2 3 4 5; do wget -qO- http://127.0.0.1/group && break; sleep 1; done";
  const two = await podman.run("--rm", "--pod", "shared", IMAGE, "sh", "-c", fetch);
  assertEquals([two.code, two.stdout], [0, "root:x:0:\n"]);
  assertEquals((await vms(podman)).length, 1);
  await podman.start("three", "--pod", "shared", IMAGE, "sleep", "333");
  const lists = ["one", "three", "one", "three"].map((name) => podman.must("top", name, "args"));
  const commands = (await Promise.all(lists)).map((list) => list.split("\n").slice(1));
  const trimmed = commands.map((each) => each.map((line) => line.trim()));
  const [one, three] = [["httpd -f -p 80 -h /etc"], ["sleep 333"]];
  assertEquals(trimmed, [one, three, one, three]);
  await podman.must("pause", "one");
  assertEquals(await podman.must("inspect", "one", "--format", "{{.State.Status}}"), "paused");
  const meanwhile = await podman.run("--rm", "--pod", "shared", IMAGE, "echo", "meanwhile");
  assertEquals(meanwhile.stdout, "meanwhile\n");
  await podman.must("unpause", "one");
  await podman.must("pod", "rm", "--force", "--time", "0", "shared");
  assertEquals(await vms(podman), []);
});

Deno.test("ten containers of podman run at once, and can be removed whatever of them was killed", async () => {
  await using podman = await Podman.make();
  const names = Array.from({ length: 10 }, (_, at) => `many-${at}`);
  const start = (name: string) => podman.start(name, "--network", "none", IMAGE, "sleep", "600");
  // Each boots a VM: those who wait for one another are still ten at once in the end.
  const waiting = [...names];
  const starter = async () => {
    for (let name; (name = waiting.shift());) await start(name);
  };
  await Promise.all([starter(), starter()]);
  assertEquals((await vms(podman)).length, 10);
  const answers = await Promise.all(names.map((name) => podman.must("exec", name, "echo", name)));
  assertEquals(answers, names);
  const pid = async (name: string, key: string) =>
    Number(await podman.must("inspect", name, "--format", `{{.State.${key}}}`));
  const killed = [
    await pid("many-0", "ConmonPid"),
    await pid("many-1", "Pid"),
    await partOf(podman, "many-2", / proxy /),
    await partOf(podman, "many-3", /qemu-system/),
  ];
  for (const each of killed) Deno.kill(each, "SIGKILL");
  for (const name of ["many-1", "many-2", "many-3"]) {
    await eventually(
      `podman sees the end of ${name}`,
      async () =>
        await podman.must("inspect", name, "--format", "{{.State.Status}}") === "exited" ||
        undefined,
    );
  }
  await podman.must("rm", "--force", "--time", "0", ...names);
  assertEquals(await podman.place.leftovers(), []);
});

/** The process that is a part of a container's pod. */
async function partOf(podman: Podman, name: string, program: RegExp): Promise<number> {
  const id = await podman.must("inspect", name, "--format", "{{.Id}}");
  const lines = (await podman.place.bench.leftovers()).filter((each) =>
    each.includes(`/oci-${id.slice(0, 12)}`) && program.test(each)
  );
  return Number(/^process (\d+)/.exec(lines[0]!)![1]);
}

/** The VMs that run for this engine. */
async function vms(podman: Podman): Promise<string[]> {
  return (await podman.place.bench.leftovers()).filter((each) => /qemu-system/.test(each));
}

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Bench, eventually } from "../harness/podvisor.ts";

/** Runs a shell command in the built-in root and returns what it left; nothing else may be left. */
async function shell(command: string, options: string[] = [], stdin?: string | Uint8Array) {
  await using bench = await Bench.make();
  const args = ["run", ...options, "busybox", "sh", "-c", command];
  const finished = await bench.podvisor(args, stdin === undefined ? {} : { stdin });
  await bench.assertNothingLeft();
  return finished;
}

Deno.test("a command's output, its errors and its exit code come back apart and exact", async () => {
  const { code, stdout, stderr } = await shell("printf 'a\\nb'; printf 'c\\n\\nd' >&2; exit 7");
  assertEquals({ code, stdout, stderr }, { code: 7, stdout: "a\nb", stderr: "c\n\nd" });
});

Deno.test("a command sees a machine of its own: kernel, processes, memory, host name", async () => {
  const { stdout } = await shell(
    "uname -r; hostname; ps -o pid,args; cat /proc/meminfo; nproc; id; pwd",
    ["--name", "own-machine", "--memory", "300M", "--cpus", "2"],
  );
  const host = new TextDecoder().decode(
    (await new Deno.Command("uname", { args: ["-r"] }).output()).stdout,
  );
  const [kernel, hostname] = stdout.split("\n");
  assert(kernel !== host.trim() || Deno.osRelease() !== kernel);
  assertEquals(hostname, "own-machine");
  assertMatch(stdout, /^ *1 sh -c/m);
  const [, kilobytes] = /MemTotal: +(\d+) kB/.exec(stdout)!;
  assert(Number(kilobytes) > 200_000 && Number(kilobytes) < 307_200, kilobytes);
  assertMatch(stdout, /^2\nuid=0\(root\) gid=0\(root\).*\n\/\n$/m);
});

Deno.test("a command that is not there gives 127, one that cannot be executed 126", async () => {
  await using bench = await Bench.make();
  const missing = await bench.podvisor(["run", "busybox", "no-such-program"]);
  assertEquals([missing.code, missing.stdout], [127, ""]);
  assertMatch(missing.stderr, /^podvisor: Cannot run "no-such-program": it is not found[^\n]*\n$/);
  const refused = await bench.podvisor(["run", "busybox", "/etc/passwd"]);
  assertEquals([refused.code, refused.stdout], [126, ""]);
  assertMatch(
    refused.stderr,
    /^podvisor: Cannot run "\/etc\/passwd": it cannot be executed[^\n]*\n$/,
  );
  await bench.assertNothingLeft();
});

Deno.test("with --console the guest's console is on stderr, from its boot on", async () => {
  const { code, stdout, stderr } = await shell("echo out", ["--console"]);
  assertEquals([code, stdout], [0, "out\n"]);
  assertMatch(stderr, /Linux version [^]*Run \/\S+ as init process/);
});

Deno.test("stdin reaches the command only with -i, to its end", async () => {
  assertEquals((await shell("cat; echo end", ["-i"], "one\ntwo\n")).stdout, "one\ntwo\nend\n");
  assertEquals((await shell("cat; echo end", [], "one\n")).stdout, "end\n");
});

Deno.test("bytes of every value pass through both ways unchanged", async () => {
  const bytes = new Uint8Array(300_000);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 7 + (at >> 8)) & 0xff;
  await using bench = await Bench.make();
  const child = bench.start(["run", "-i", "busybox", "cat"], { stdin: bytes });
  const { code, stdout } = await child.output();
  assertEquals(code, 0);
  assertEquals(stdout.length, bytes.length);
  assert(stdout.every((byte, at) => byte === bytes[at]));
  await bench.assertNothingLeft();
});

Deno.test("environment, directory and user are as asked, names looked up in the root", async () => {
  const { stdout } = await shell('echo "$A|$B|$HOME"; pwd; id -u; id -g; umask', [
    "-e",
    "A=b=c",
    "-e",
    "B= x ",
    "-w",
    "/var/tmp/new",
    "-u",
    "nobody:tty",
  ]);
  assertEquals(stdout, "b=c| x |/\n/var/tmp/new\n65534\n5\n0022\n");
});

Deno.test("the container has its own /proc, /sys and /dev with the usual nodes and links", async () => {
  const { stdout, code } = await shell(
    "for n in null zero full random urandom tty; do test -c /dev/$n || echo no $n; done;" +
      "for l in fd stdin ptmx; do readlink /dev/$l; done; test -d /sys/kernel && test -d /dev/shm && test -d /dev/pts;" +
      "echo $?; echo x > /dev/null; head -c 4 /dev/zero | wc -c; ls /proc | grep -c '^[0-9]'",
  );
  assertEquals(code, 0);
  const lines = stdout.trim().split("\n");
  assertEquals(lines.slice(0, 3), ["/proc/self/fd", "/proc/self/fd/0", "pts/ptmx"]);
  assertEquals(lines.slice(3, 5), ["0", "4"]);
  assert(Number(lines[5]) < 6, "only the container's own processes are seen");
});

Deno.test("volumes show host directories and files, and a read-only one stays unchanged", async () => {
  await using bench = await Bench.make();
  const data = join(bench.state, "data");
  await Deno.mkdir(data);
  await Deno.writeTextFile(join(data, "in"), "from the host\n");
  const finished = await bench.podvisor([
    "run",
    "-v",
    `${data}:/data`,
    "-v",
    `${data}:/frozen:ro`,
    "-v",
    `${join(data, "in")}:/etc/one file`,
    "busybox",
    "sh",
    "-c",
    "cat /data/in '/etc/one file'; echo made > /data/out; echo no > /frozen/no; echo $?",
  ]);
  assertEquals(finished.stdout, "from the host\nfrom the host\n1\n");
  assertStringIncludes(finished.stderr, "Read-only file system");
  assertEquals(await Deno.readTextFile(join(data, "out")), "made\n");
  assertEquals([...Deno.readDirSync(data)].map(({ name }) => name).sort(), ["in", "out"]);
  await bench.assertNothingLeft();
});

Deno.test("a root directory is written to, unless it is read-only", async () => {
  await using bench = await Bench.make();
  const root = join(bench.state, "root");
  for (const name of ["bin", "proc", "dev", "sys", "tmp"]) {
    await Deno.mkdir(join(root, name), { recursive: true });
  }
  await Deno.copyFile("/bin/busybox", join(root, "bin/busybox"));
  const sh = (...args: string[]) => bench.podvisor(["run", ...args]);
  const run = ["/bin/busybox", "sh", "-c"];
  const frozen = await sh("--read-only", root, ...run, "echo x > /file");
  assertEquals(frozen.code, 1);
  assertStringIncludes(frozen.stderr, "Read-only file system");
  assertEquals((await sh(root, ...run, "echo kept > /file; /bin/busybox chown 7:8 /file")).code, 0);
  assertEquals(await Deno.readTextFile(join(root, "file")), "kept\n");
  const { uid, gid } = await Deno.stat(join(root, "file"));
  assertEquals([uid, gid], [7, 8]);
  await bench.assertNothingLeft();
});

Deno.test("the built-in root is new each time", async () => {
  await using bench = await Bench.make();
  const once = "test -e /mark && exit 3; touch /mark; rm /bin/ls";
  assertEquals((await bench.podvisor(["run", "busybox", "sh", "-c", once])).code, 0);
  assertEquals((await bench.podvisor(["run", "busybox", "sh", "-c", once])).code, 0);
});

Deno.test("an OCI bundle runs as its config.json says, and options go before it", async () => {
  await using bench = await Bench.make();
  const bundle = join(bench.state, "bundle");
  for (const name of ["bin", "proc", "dev", "sys", "etc"]) {
    await Deno.mkdir(join(bundle, "rootfs", name), { recursive: true });
  }
  await Deno.copyFile("/bin/busybox", join(bundle, "rootfs/bin/busybox"));
  await Deno.symlink("busybox", join(bundle, "rootfs/bin/sh"));
  await Deno.mkdir(join(bundle, "data"));
  await Deno.writeTextFile(
    join(bundle, "config.json"),
    JSON.stringify({
      ociVersion: "1.0.2",
      process: {
        user: { uid: 12, gid: 34, additionalGids: [56] },
        args: ["/bin/sh", "-c", "echo $A; busybox id; pwd; ulimit -n; hostname; ls -d /data"],
        env: ["A=x=y", "PATH=/bin"],
        cwd: "/etc",
        rlimits: [{ type: "RLIMIT_NOFILE", hard: 77, soft: 77 }],
      },
      root: { path: "rootfs", readonly: true },
      hostname: "bundled",
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/data", type: "bind", source: "data", options: ["rbind", "ro"] },
      ],
    }),
  );
  await Deno.mkdir(join(bundle, "rootfs/data"));
  const { code, stdout } = await bench.podvisor(["run", bundle]);
  assertEquals([code, stdout], [0, "x=y\nuid=12 gid=34 groups=56\n/etc\n77\nbundled\n/data\n"]);
  const other = await bench.podvisor(["run", "-e", "A=z", bundle, "/bin/sh", "-c", "echo $A"]);
  assertEquals(other.stdout, "z\n");
  await bench.assertNothingLeft();
});

Deno.test("capabilities are runc's usual ones, and the network is the loopback alone", async () => {
  const { stdout } = await shell(
    "grep CapEff /proc/self/status; ls /sys/class/net; ping -c1 -W10 127.0.0.1 | grep -c 'bytes from'",
  );
  assertEquals(stdout, "CapEff:\t00000000a80425fb\nlo\n1\n");
});

Deno.test("--network user gives an address, a route and name servers", async () => {
  const { stdout } = await shell(
    "ip -4 addr show eth0 | grep -o 'inet [0-9./]*'; ip route | grep -o '^default via [0-9.]*'; cat /etc/resolv.conf",
    ["--network", "user"],
  );
  assertEquals(stdout, "inet 10.0.2.15/24\ndefault via 10.0.2.2\nnameserver 10.0.2.3\n");
});

Deno.test("--timeout kills the command, which gives 128 and the signal's number, and says so", async () => {
  const { code, stderr } = await shell("sleep 600", ["--timeout", "1"]);
  assertEquals(code, 137);
  assertMatch(stderr, /time/);
});

Deno.test("--json tells how it ended as one line on stderr", async () => {
  const { stdout, stderr } = await shell("echo out; exit 3", ["--json", "--name", "told"]);
  assertEquals(stdout, "out\n");
  const told = JSON.parse(stderr);
  assertEquals([told.pod, told.exitCode], ["told", 3]);
});

Deno.test("a signal to podvisor reaches the command, which may end as it likes", async () => {
  for (const [signal, code] of [["SIGTERM", 15], ["SIGHUP", 1], ["SIGINT", 2]] as const) {
    await using bench = await Bench.make();
    const trap = `trap 'echo got; exit ${code}' ${
      signal.slice(3)
    }; sleep 0.5; echo ready; while :; do sleep 0.1; done`;
    const child = bench.start(["run", "busybox", "sh", "-c", trap]);
    const reader = child.stdout.getReader();
    const first = await reader.read();
    assertEquals(new TextDecoder().decode(first.value), "ready\n");
    child.kill(signal);
    assertEquals(new TextDecoder().decode((await reader.read()).value), "got\n");
    await reader.cancel();
    await child.stderr.cancel();
    assertEquals((await child.status).code, code);
    await bench.assertNothingLeft();
  }
});

Deno.test("a second interrupt within a second tears the pod down", async () => {
  await using bench = await Bench.make();
  const child = bench.start([
    "run",
    "busybox",
    "sh",
    "-c",
    "trap '' INT; sleep 0.5; echo ready; sleep 600",
  ]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 200));
  child.kill("SIGINT");
  await reader.cancel();
  assertEquals(await new Response(child.stderr).text(), "podvisor: ended by SIGINT\n");
  assertEquals((await child.status).code, 130);
  await bench.assertNothingLeft();
});

Deno.test("an interrupt while the VM boots ends it and leaves nothing", async () => {
  await using bench = await Bench.make();
  const child = bench.start(["run", "--name", "early", "busybox", "true"]);
  await eventually("the VM starts", async () => {
    const record = await Deno.readTextFile(join(bench.state, "pods/early/pod.json")).catch(() =>
      "{}"
    );
    return JSON.parse(record).vm ?? undefined;
  });
  child.kill("SIGINT");
  const { code, stdout } = await child.output();
  assertEquals([code, stdout.length], [130, 0]);
  await bench.assertNothingLeft();
});

Deno.test("after kill -9 of the command, gc removes what is left and says what it was", async () => {
  await using bench = await Bench.make();
  const child = bench.start([
    "run",
    "--name",
    "killed",
    "busybox",
    "sh",
    "-c",
    "echo ready; sleep 600",
  ]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  await child.stderr.cancel();
  const { code, stdout } = await bench.podvisor(["gc", "--json"]);
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout)[0].pod, "killed");
  await bench.assertNothingLeft();
  assertEquals((await bench.podvisor(["gc", "--json"])).stdout, "[]\n");
});

Deno.test("gc leaves running pods alone", async () => {
  await using bench = await Bench.make();
  const child = bench.start(["run", "-i", "busybox", "cat"], { stdin: new ReadableStream() });
  await eventually("the pod runs", async () => {
    return (await bench.leftovers()).some((each) =>
        each.startsWith("process") && each.includes("qemu")
      )
      ? true
      : undefined;
  });
  assertEquals((await bench.podvisor(["gc", "--json"])).stdout, "[]\n");
  child.kill("SIGINT");
  await child.output();
  await bench.assertNothingLeft();
});

for (const part of ["qemu-system", "proxy"]) {
  Deno.test(`when ${part} is killed the command fails at once, says so, and leaves nothing`, async () => {
    await using bench = await Bench.make();
    const child = bench.start(["run", "busybox", "sh", "-c", "echo ready; sleep 600"]);
    const reader = child.stdout.getReader();
    await reader.read();
    for (const each of await bench.leftovers()) {
      const [, pid] = /^process (\d+)/.exec(each) ?? [];
      const line = each.split(" ").slice(2).join(" ");
      const isIt = part === "proxy" ? /(^| )proxy( |$)/.test(line) : line.includes(part);
      if (pid && isIt) Deno.kill(Number(pid), "SIGKILL");
    }
    await reader.cancel();
    const { code } = await child.status;
    const stderr = await new Response(child.stderr).text();
    assertEquals(code, 125);
    assertMatch(stderr, /^podvisor: [^\n]+\n/);
    await bench.assertNothingLeft();
  });
}

Deno.test("bad options and bad places are one line that names them, and exit code 125", async () => {
  await using bench = await Bench.make();
  const cases: [string[], RegExp][] = [
    [["run", "--bogus", "busybox"], /--bogus/],
    [["run", "--memory", "lots", "busybox"], /--memory.*lots|lots.*--memory/],
    [["run", "--memory", "1M", "busybox"], /--memory/],
    [["run", "--cpus", "0", "busybox"], /--cpus/],
    [["run", "--network", "moon", "busybox"], /--network/],
    [["run", "--name", "../x", "busybox"], /pod name/],
    [["run", "-v", "/nowhere:/x", "busybox"], /\/nowhere/],
    [["run", "-v", "/tmp", "busybox"], /--volume/],
    [["run", "-w", "relative", "busybox"], /--workdir/],
    [["run", "--log-level", "loud", "busybox"], /--log-level/],
    [["run", "--kernel", "/nowhere", "busybox", "true"], /\/nowhere/],
    [["run", "/nowhere", "true"], /\/nowhere/],
    [["run"], /run/],
    [["frobnicate"], /frobnicate/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await bench.podvisor(args);
    assertEquals([code, stdout], [125, ""], args.join(" "));
    assertMatch(stderr.split("\n")[0]!, expected);
  }
  await bench.assertNothingLeft();
});

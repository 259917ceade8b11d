/** What a bundle's config.json asks for, seen from inside: one VM, a container for each feature. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Bench, type Finished } from "../harness/podvisor.ts";

/** Parts of config.json that go before the plain one's. */
interface Changes {
  process?: Record<string, unknown>;
  root?: Record<string, unknown>;
  linux?: Record<string, unknown>;
  [key: string]: unknown;
}

const NAMESPACES = ["pid", "ipc", "uts", "mount", "cgroup", "network"].map((type) => ({ type }));

/** A pod, and bundles with one root file system to run in it. */
class Bundles {
  #count = 0;

  constructor(readonly bench: Bench, readonly directory: string) {}

  static async make(bench: Bench): Promise<Bundles> {
    const directory = join(bench.state, "bundles");
    await Deno.mkdir(join(directory, "rootfs/bin"), { recursive: true });
    await Deno.mkdir(join(directory, "rootfs/full/below"), { recursive: true });
    await Deno.copyFile("/bin/busybox", join(directory, "rootfs/bin/busybox"));
    await Deno.writeTextFile(join(directory, "rootfs/full/below/file"), "copied\n");
    await Deno.mkdir(join(directory, "rootfs/full/hidden/x"), { recursive: true });
    await Deno.symlink("below/file", join(directory, "rootfs/full/link"));
    const { stdout } = await new Deno.Command("/bin/busybox", { args: ["--list"] }).output();
    for (const name of new TextDecoder().decode(stdout).trim().split("\n")) {
      if (name !== "busybox") await Deno.symlink("busybox", join(directory, "rootfs/bin", name));
    }
    return new Bundles(bench, directory);
  }

  /** Writes a bundle that runs a script. */
  async write(script: string, changes: Changes = {}): Promise<string> {
    const bundle = join(this.directory, `b${++this.#count}`);
    await Deno.mkdir(bundle);
    const { process, root, linux, ...others } = changes;
    const config = {
      ociVersion: "1.1.0",
      ...others,
      root: { path: "../rootfs", ...root },
      process: {
        args: ["sh", "-c", script],
        env: ["PATH=/bin"],
        cwd: "/",
        user: { uid: 0, gid: 0 },
        ...process,
      },
      linux: { namespaces: NAMESPACES, ...linux },
    };
    await Deno.writeTextFile(join(bundle, "config.json"), JSON.stringify(config));
    return bundle;
  }

  /** Runs a bundle in the pod to its end. */
  async run(script: string, changes: Changes = {}): Promise<Finished> {
    const bundle = await this.write(script, changes);
    const name = `c${this.#count}`;
    const { podvisor } = this.bench;
    const done = await podvisor.call(this.bench, [
      "container",
      "run",
      "--pod",
      "p",
      "--name",
      name,
      bundle,
    ]);
    await podvisor.call(this.bench, ["container", "rm", name]);
    return done;
  }

  /** What a bundle prints that runs well. */
  async output(script: string, changes: Changes = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(script, changes);
    assertEquals([code, stderr], [0, ""], script);
    return stdout;
  }
}

Deno.test("containers are what their bundles say", async (t) => {
  await using bench = await Bench.make();
  const bundles = await Bundles.make(bench);
  const up = await bench.podvisor(["pod", "run", "--memory", "256M", "p"]);
  assertEquals([up.code, up.stderr], [0, ""]);

  await t.step("a process has its identity, capabilities, limits and mask", async () => {
    const script =
      "grep -E '^(Cap|Groups|NoNew|Umask|Uid|Gid|Seccomp:)' /proc/self/status | tr '\\t' ' ';" +
      "ulimit -n; ulimit -Hn; pwd; echo $HOME";
    const text = await bundles.output(script, {
      process: {
        cwd: "/full",
        user: { uid: 7, gid: 8, umask: 0o27, additionalGids: [9, 10] },
        capabilities: {
          bounding: ["CAP_CHOWN", "CAP_NET_RAW", "CAP_KILL"],
          permitted: ["CAP_NET_RAW", "CAP_KILL"],
          effective: ["CAP_NET_RAW"],
          inheritable: ["CAP_KILL"],
          ambient: ["CAP_KILL"],
        },
        rlimits: [{ type: "RLIMIT_NOFILE", soft: 77, hard: 99 }],
        noNewPrivileges: true,
      },
    });
    assertEquals(text.replaceAll(/ +\n/g, "\n").split("\n").slice(0, -1), [
      ...["Umask: 0027", "Uid: 7 7 7 7", "Gid: 8 8 8 8", "Groups: 9 10"],
      ...["CapInh: 0000000000000020", "CapPrm: 0000000000000020", "CapEff: 0000000000000020"],
      ...["CapBnd: 0000000000002021", "CapAmb: 0000000000000020"],
      ...["NoNewPrivs: 1", "Seccomp: 0", "77", "99", "/full", "/"],
    ]);
  });

  await t.step("a process has its priorities, scheduling policy and personality", async () => {
    const text = await bundles.output(
      "cat /proc/self/oom_score_adj; ionice; awk '{ print $19, $41 }' /proc/self/stat; uname -m",
      {
        process: {
          oomScoreAdj: 321,
          ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 },
          scheduler: { policy: "SCHED_BATCH", nice: 3 },
        },
        linux: { namespaces: NAMESPACES, personality: { domain: "LINUX32" } },
      },
    );
    assertEquals(text, "321\nbest-effort: prio 6\n3 3\ni686\n");
  });

  await t.step(
    "it has the names, the settings of the kernel and the propagation asked for",
    async () => {
      const text = await bundles.output(
        "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax;" +
          "awk '$5 == \"/\" { print $7 }' /proc/self/mountinfo",
        {
          hostname: "own-name",
          domainname: "own.domain",
          linux: {
            namespaces: NAMESPACES,
            sysctl: { "net.ipv4.ip_forward": "1", "kernel/msgmax": "4242" },
            rootfsPropagation: "shared",
          },
        },
      );
      assertMatch(text, /^own-name\nown\.domain\n1\n4242\nshared:\d+\n$/);
    },
  );

  await t.step("mounts are made in order, each with its options", async () => {
    await Deno.mkdir(join(bench.state, "vol/sub"), { recursive: true });
    await Deno.writeTextFile(join(bench.state, "vol/sub/a"), "from the host\n");
    await Deno.mkdir(join(bench.state, "upper/work"), { recursive: true });
    await Deno.mkdir(join(bench.state, "upper/up"), { recursive: true });
    const volume = join(bench.state, "vol");
    const overlay = [`lowerdir=${volume}`, `upperdir=${bench.state}/upper/up`]
      .concat(`workdir=${bench.state}/upper/work`);
    const text = await bundles.output(
      "cat /mnt/v/sub/a /mnt/one /mnt/ov/sub/a; echo x > /mnt/ov/new; (echo x > /mnt/v/no) 2> /mnt/t/err; cat /mnt/t/err;" +
        "echo x > /mnt/t/deep/er/y; cat /full/link; echo z > /full/below/file; df -k /mnt/t | awk 'NR > 1 { print $2 }';" +
        "stat -c %a /mnt/t; grep -E ' (/mnt|/proc|/sys|/dev|/full)' /proc/self/mountinfo | " +
        "awk '{ s = $0; sub(/.* - /, \"\", s); split(s, f); print $5, $6, f[1] }'",
      {
        mounts: [
          { destination: "/proc", type: "proc", source: "proc" },
          {
            destination: "/dev",
            type: "tmpfs",
            options: ["nosuid", "strictatime", "mode=755", "ro"],
          },
          { destination: "/mnt", type: "tmpfs", options: ["size=1m"] },
          {
            destination: "/mnt/v",
            type: "bind",
            source: volume,
            options: ["rbind", "ro", "nosuid"],
          },
          { destination: "/mnt/one", type: "bind", source: `${volume}/sub/a`, options: ["bind"] },
          {
            destination: "/mnt/t",
            type: "tmpfs",
            options: ["size=2m", "mode=700", "noexec", "noatime"],
          },
          { destination: "/mnt/t/deep/er", type: "tmpfs", options: ["nodev"] },
          { destination: "/mnt/ov", type: "overlay", options: overlay },
          { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro", "nosuid", "noexec"] },
          { destination: "/full", type: "tmpfs", options: ["tmpcopyup"] },
        ],
      },
    );
    assertEquals(text.trim().split("\n"), [
      ...Array(3).fill("from the host"),
      "sh: can't create /mnt/v/no: Read-only file system",
      ...["copied", "2048", "700"],
      "/sys ro,nosuid,nodev,noexec,relatime sysfs",
      "/proc rw,relatime proc",
      "/dev ro,nosuid tmpfs",
      "/dev/pts rw,nosuid,noexec,relatime devpts",
      "/dev/shm rw,nosuid,nodev,noexec,relatime tmpfs",
      "/mnt rw,relatime tmpfs",
      "/mnt/v ro,nosuid,nodev,relatime 9p",
      "/mnt/one rw,nodev,relatime 9p",
      "/mnt/t rw,noexec,noatime tmpfs",
      "/mnt/t/deep/er rw,nodev,relatime tmpfs",
      "/mnt/ov rw,nodev,relatime 9p",
      "/sys/fs/cgroup ro,nosuid,noexec,relatime cgroup2",
      "/full rw,relatime tmpfs",
    ]);
    assertEquals(await Deno.readTextFile(join(bench.state, "upper/up/new")), "x\n");
    const original = join(bundles.directory, "rootfs/full/below/file");
    assertEquals(await Deno.readTextFile(original), "copied\n");
  });

  await t.step("paths are hidden and read-only as asked for, and no others", async () => {
    const { code, stdout, stderr } = await bundles.run(
      "wc -c /proc/uptime; ls /full/hidden /proc/sys/vm; touch /full/x; rm /full/x;" +
        "echo 2 > /proc/sys/kernel/panic; touch /full/below/x; ls -d /nowhere; true",
      {
        linux: {
          namespaces: NAMESPACES,
          maskedPaths: ["/proc/uptime", "/full/hidden", "/nowhere", "/proc/sys/vm"],
          readonlyPaths: ["/full/below", "/proc/sys/kernel", "/nowhere"],
        },
      },
    );
    assertEquals([code, stdout], [0, "0 /proc/uptime\n/full/hidden:\n\n/proc/sys/vm:\n"]);
    assertEquals(stderr.trim().split("\n"), [
      "sh: can't create /proc/sys/kernel/panic: Read-only file system",
      "touch: /full/below/x: Read-only file system",
      "ls: /nowhere: No such file or directory",
    ]);
  });

  await t.step("a filter of system calls holds, for further processes too", async () => {
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64"],
      syscalls: [
        { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 122 },
        { names: ["sync", "no_such_call"], action: "SCMP_ACT_KILL_PROCESS" },
        {
          names: ["kill"],
          action: "SCMP_ACT_ERRNO",
          args: [{ index: 1, value: 10, op: "SCMP_CMP_EQ" }],
        },
      ],
    };
    const script =
      "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; mkdir /full/m; kill -0 $$;" +
      "kill -USR1 $$; sh -c sync; echo $?";
    for (const noNewPrivileges of [false, true]) {
      const { stdout, stderr } = await bundles.run(script, {
        process: { noNewPrivileges, user: { uid: 5, gid: 5 } },
        linux: { namespaces: NAMESPACES, seccomp: profile },
      });
      const privileges = `NoNewPrivs:\t${noNewPrivileges ? 1 : 0}\nSeccomp:\t2\n`;
      assertEquals(stdout, `${privileges}159\n`);
      assertMatch(stderr, /mkdir: can't create directory '\/full\/m': Disk quota exceeded/);
      assertMatch(stderr, /can't kill pid 1: Operation not permitted/);
    }
    const bundle = await bundles.write("sleep 1000", { linux: { seccomp: profile } });
    await bench.podvisor(["container", "run", "-d", "--pod", "p", "--name", "filtered", bundle]);
    const inside = ["grep", "Seccomp:", "/proc/self/status"];
    const { stdout } = await bench.podvisor(["container", "exec", "filtered", ...inside]);
    assertEquals(stdout, "Seccomp:\t2\n");
    await bench.podvisor(["container", "rm", "--force", "filtered"]);
  });

  await t.step("devices are those that rules allow and the VM has", async () => {
    const { code, stdout, stderr } = await bundles.run(
      "stat -c '%n %t:%T %a %u:%g %F' /dev/net/tun /dev/fuse /dev/pipe; : <> /dev/net/tun && echo ok;" +
        "mknod /dev/mine c 10 229; cat /dev/mine; cat /dev/fuse; ls /dev/absent",
      {
        linux: {
          namespaces: NAMESPACES,
          devices: [
            {
              path: "/dev/net/tun",
              type: "c",
              major: 10,
              minor: 200,
              fileMode: 0o640,
              uid: 3,
              gid: 4,
            },
            { path: "/dev/fuse", type: "c", major: 10, minor: 229 },
            { path: "/dev/absent", type: "c", major: 10, minor: 251 },
            { path: "/dev/null", type: "c", major: 1, minor: 3 },
            { path: "/dev/pipe", type: "p", fileMode: 0o600 },
          ],
          resources: {
            devices: [
              { allow: false, access: "rwm" },
              { allow: true, type: "c", major: 10, minor: 200, access: "rw" },
            ],
          },
        },
      },
    );
    assertEquals([code, stdout], [
      1,
      "/dev/net/tun a:c8 640 3:4 character special file\n" +
      "/dev/fuse a:e5 666 0:0 character special file\n/dev/pipe 0:0 600 0:0 fifo\nok\n",
    ]);
    assertMatch(stderr, /devices that the VM does not have: \/dev\/absent/);
    assertMatch(stderr, /\/dev\/mine': Operation not permitted/);
    assertMatch(stderr, /\/dev\/fuse': Operation not permitted/);
  });

  await t.step(
    "limits become those of its control group, and lack of memory is counted",
    async () => {
      const files = [
        "cpu.weight",
        "cpu.max",
        "memory.max",
        "memory.low",
        "pids.max",
        "cpuset.cpus",
      ];
      const { code, stdout, stderr } = await bundles.run(
        `cd /sys/fs/cgroup; for f in ${files.join(" ")}; do cat $f; done;` +
          "dd if=/dev/zero of=/dev/null bs=60M count=1; echo $?; grep oom_kill memory.events",
        {
          mounts: [{ destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] }],
          linux: {
            namespaces: NAMESPACES,
            resources: {
              cpu: { shares: 512, quota: 40000, period: 80000, cpus: "0" },
              memory: { limit: 40 << 20, reservation: 20 << 20, swap: 80 << 20 },
              pids: { limit: 33 },
              hugepageLimits: [{ pageSize: "3MB", limit: 9 }],
              unified: { "memory.high": "41943040" },
            },
          },
        },
      );
      assertEquals([code, stdout.split("\n").slice(0, 8)], [0, [
        ...["20", "40000 80000", "41943040", "20971520", "33", "0", "137", "oom_kill 1"],
      ]]);
      assertMatch(stderr, /no limit of the VM's kernel is called hugetlb\.3MB\.max/);
    },
  );

  await t.step(
    "a container that is killed for lack of memory is told from one that is killed",
    async () => {
      const resources = { memory: { limit: 20 << 20 } };
      const exits = [];
      for (const script of ["dd if=/dev/zero of=/dev/null bs=60M", "sleep 1000"]) {
        const bundle = await bundles.write(`exec ${script}`, {
          linux: { namespaces: NAMESPACES, resources },
        });
        await bench.podvisor(["container", "run", "-d", "--pod", "p", "--name", "hungry", bundle]);
        if (script.startsWith("sleep")) {
          await bench.podvisor([
            "container",
            "kill",
            "hungry",
            "KILL",
          ]);
        }
        await bench.podvisor(["container", "wait", "hungry"]);
        const { stdout } = await bench.podvisor(["container", "inspect", "hungry"]);
        const { code, outOfMemory } = JSON.parse(stdout).exit;
        exits.push([code, outOfMemory]);
        await bench.podvisor(["container", "rm", "--force", "hungry"]);
      }
      assertEquals(exits, [[137, true], [137, undefined]]);
    },
  );

  await t.step(
    "namespaces are the VM's, or another container's, where the bundle says so",
    async () => {
      const own = await bundles.output("ps | wc -l; readlink /proc/self/ns/uts");
      const vms = await bundles.output(
        "ps | grep -c kworker; readlink /proc/self/ns/uts; hostname",
        {
          linux: { namespaces: [{ type: "mount" }] },
        },
      );
      assert(Number(vms.split("\n")[0]) > 0);
      assertEquals(vms.split("\n")[2], "p");
      assert(own.split("\n")[1] !== vms.split("\n")[1]);
      const bundle = await bundles.write("sleep 1234", { hostname: "first" });
      await bench.podvisor(["container", "run", "-d", "--pod", "p", "--name", "first", bundle]);
      const paths = ["pid", "ipc", "uts"].map((type) => ({ type, path: "container:first" }));
      const joined = await bundles.output("hostname; ps | grep -c '[s]leep 1234'; echo $$", {
        linux: { namespaces: [...paths, { type: "mount" }] },
      });
      assertMatch(joined, /^first\n1\n([2-9]|\d\d+)\n$/);
      // Its first process is the one that others may outlive, but not here.
      const { stdout } = await bench.podvisor(["container", "exec", "first", "ps"]);
      assert(stdout.includes("sleep 1234") && !stdout.includes("grep"), stdout);
      await bench.podvisor(["container", "rm", "--force", "first"]);
      const pinned = {
        namespaces: [{ type: "ipc", path: "/run/pinned/ipc" }, ...NAMESPACES.slice(2)],
      };
      const [one, two] = [
        await bundles.output("readlink /proc/self/ns/ipc", { linux: pinned }),
        await bundles.output("readlink /proc/self/ns/ipc", { linux: pinned }),
      ];
      assertEquals(one, two);
    },
  );

  await t.step("memory that an engine shares out is shared in the VM", async () => {
    const memory = await Deno.makeTempDir({ dir: "/dev/shm" });
    const mount = new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=3m", "shm", memory],
    });
    assertEquals((await mount.output()).code, 0);
    const mounts = [
      { destination: "/dev/shm", type: "bind", source: memory, options: ["rbind", "nosuid"] },
    ];
    try {
      await bundles.output("echo said > /dev/shm/word", { mounts });
      const text = await bundles.output(
        "cat /dev/shm/word; df -k /dev/shm | awk 'END { print $2 }'",
        { mounts },
      );
      assertEquals(text, "said\n3072\n");
      assertEquals([...Deno.readDirSync(memory)], []);
    } finally {
      await new Deno.Command("umount", { args: [memory] }).output();
      await Deno.remove(memory);
    }
  });

  await t.step("hooks of its start run in the container, and end it when they fail", async () => {
    const hook = (script: string) => ({
      path: "/bin/sh",
      args: ["sh", "-c", script],
      env: ["PATH=/bin"],
    });
    const hooks = (...scripts: string[]) => ({ hooks: { startContainer: scripts.map(hook) } });
    const text = await bundles.output(
      "cat /full/state /full/ns; readlink /proc/self/ns/mnt; cat /full/second",
      {
        annotations: { a: "b" },
        ...hooks(
          "cat > /full/state; echo >> /full/state; readlink /proc/self/ns/mnt > /full/ns",
          "id -u > /full/second",
        ),
      },
    );
    const [state = "", ...rest] = text.trim().split("\n");
    const { id, status, bundle, annotations } = JSON.parse(state);
    assertMatch(id, /^c\d+$/);
    assertEquals([status, annotations], ["created", { a: "b" }]);
    assertStringIncludes(bundle, bundles.directory);
    assertEquals([rest[0], rest[2]], [rest[1], "0"]);
    const failed = await bundles.run("echo ran", hooks("true", "echo no luck >&2; exit 4"));
    assertEquals([failed.code, failed.stdout], [125, ""]);
    assertStringIncludes(
      failed.stderr,
      "its startContainer hook /bin/sh ended with status 4: no luck",
    );
    const slow = await bundles.run("echo ran", {
      hooks: { startContainer: [{ ...hook("sleep 60"), timeout: 1 }] },
    });
    assertStringIncludes(slow.stderr, "was ended by signal 14");
  });

  await t.step("what cannot be had is refused, or left out with a warning", async () => {
    const refused = async (linux: Record<string, unknown>) => {
      const { code, stderr } = await bundles.run("true", { linux });
      assertEquals(code, 125);
      return stderr;
    };
    assertStringIncludes(
      await refused({ seccomp: { defaultAction: "SCMP_ACT_NOTIFY" } }),
      "SCMP_ACT_NOTIFY needs a listener",
    );
    const uidMappings = [{ containerID: 0, hostID: 1000, size: 10 }];
    assertStringIncludes(
      await refused({ namespaces: [{ type: "user" }], uidMappings }),
      "mapping users is not supported",
    );
    assertStringIncludes(await refused({ sysctl: { "no.such": "1" } }), "/proc/sys/no/such");
    const { code, stderr } = await bundles.run("true", {
      process: { apparmorProfile: "tight" },
      linux: { namespaces: NAMESPACES, intelRdt: { closID: "x" } },
    });
    assertEquals(code, 0);
    assertMatch(stderr, /process\.apparmorProfile/);
    assertMatch(stderr, /linux\.intelRdt/);
  });

  await bench.podvisor(["pod", "rm", "--force", "p"]);
  await bench.assertNothingLeft();
});

Deno.test("the hooks of a bundle that is run have their times, and one that fails ends it", async () => {
  await using bench = await Bench.make();
  const bundles = await Bundles.make(bench);
  const log = (word: string, then = "true") => ({
    path: "/bin/sh",
    args: ["sh", "-c", `echo ${word} $(grep -o '"status":"[a-z]*"' | cut -d: -f2) >> log; ${then}`],
  });
  const hooks = {
    prestart: [log("prestart")],
    createRuntime: [log("createRuntime")],
    createContainer: [log("createContainer")],
    poststart: [log("poststart", "exit 1")],
    poststop: [log("poststop")],
  };
  const good = await bundles.write("echo out", { hooks });
  const { code, stdout, stderr } = await bench.podvisor(["run", good]);
  assertEquals([code, stdout], [0, "out\n"]);
  assertStringIncludes(stderr, "its poststart hook /bin/sh ended with status 1");
  assertEquals((await Deno.readTextFile(join(good, "log"))).split("\n"), [
    ...['prestart "creating"', 'createRuntime "creating"', 'createContainer "creating"'],
    ...['poststart "running"', 'poststop "stopped"', ""],
  ]);
  const bad = await bundles.write("echo out", {
    hooks: { ...hooks, createRuntime: [log("createRuntime", "echo bad luck; exit 7")] },
  });
  const failed = await bench.podvisor(["run", bad]);
  assertEquals([failed.code, failed.stdout], [125, ""]);
  assertStringIncludes(failed.stderr, "createRuntime hook /bin/sh ended with status 7: bad luck");
  assertMatch(
    await Deno.readTextFile(join(bad, "log")),
    /^prestart .*\ncreateRuntime .*\npoststop .*\n$/,
  );
  await bench.assertNothingLeft();
});

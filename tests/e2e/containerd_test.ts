/** Containers of containerd in VMs, by `ctr` and with the annotations of Kubernetes. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../harness/podvisor.ts";
import { Terminal } from "../harness/terminal.ts";
import { Containerd, IMAGE } from "./containerd.ts";
import { tryRun } from "./place.ts";

Deno.test("containerd runs containers in VMs", async (test) => {
  await using containerd = await Containerd.make();

  await test.step("a command's output and exit code are containerd's", async () => {
    const script = ["sh", "-c", "uname -r; echo err >&2; exit 5"];
    const ended = await tryRun(containerd.runCommand("--rm", IMAGE, "once", ...script));
    assertEquals([ended.code, ended.stderr], [5, "err\n"]);
    assert(ended.stdout.trim() !== Deno.osRelease());
  });

  await test.step("a terminal is containerd's", async () => {
    using terminal = new Terminal(33, 99);
    const script = "until stty size | grep '33 99'; do sleep 0.1; done; tty";
    const command = containerd.runCommand("--rm", "--tty", IMAGE, "tty", "sh", "-c", script);
    const pid = terminal.start(command, {});
    await terminal.expect(/33 99/);
    await terminal.expect(/\/dev\/pts\/\d/);
    assertEquals(await terminal.end(pid), 0);
  });

  await tryRun(containerd.runCommand("--detach", IMAGE, "task", "sleep", "600"));
  const exec = (id: string, ...args: string[]) =>
    containerd.try("task", "exec", "--exec-id", id, "task", ...args);

  await test.step("further commands run in it", async () => {
    const ended = await exec("one", "sh", "-c", "echo inside; exit 6");
    assertEquals([ended.code, ended.stdout], [6, "inside\n"]);
    const absent = await exec("two", "no-such-program");
    assert(absent.code !== 0);
    assertMatch(absent.stderr, /"no-such-program": executable file not found in \$PATH/);
  });

  await test.step("it stands still and goes on", async () => {
    await containerd.must("task", "pause", "task");
    assertMatch(await containerd.must("task", "ls"), /task +\d+ +PAUSED/);
    await containerd.must("task", "resume", "task");
    assertMatch(await containerd.must("task", "ls"), /task +\d+ +RUNNING/);
  });

  await test.step("it is killed and removed", async () => {
    await containerd.must("task", "kill", "--signal", "SIGKILL", "task");
    await eventually(
      "its end",
      async () => /STOPPED/.test(await containerd.must("task", "ls")) || undefined,
    );
    assertMatch((await containerd.try("task", "delete", "task")).stderr, /exit code 137/);
    await containerd.must("container", "rm", "task");
  });

  await test.step("what takes more than its memory is killed, and containerd is told why", async () => {
    await using events = watchEvents(containerd);
    const take = ["dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"];
    const limit = ["--memory-limit", String(32 << 20)];
    const ended = await tryRun(containerd.runCommand("--rm", ...limit, IMAGE, "greedy", ...take));
    assertEquals(ended.code, 137, ended.stderr);
    await eventually("the end", () => /tasks\/delete.*"greedy"/.test(events.seen) || undefined);
    const [oom, exit] = [/tasks\/oom.*"greedy"/, /tasks\/exit.*"greedy"/];
    assertMatch(events.seen, oom);
    assert(events.seen.search(oom) < events.seen.search(exit), events.seen);
    assertEquals(events.seen.match(/tasks\/oom/g)?.length, 1);
  });

  await test.step("containers with a sandbox's annotations are in its VM", async () => {
    const cri = (key: string, value: string) => [
      "--annotation",
      `io.kubernetes.cri.${key}=${value}`,
    ];
    const sandbox = [...cri("container-type", "sandbox"), ...cri("sandbox-id", "pod")];
    const vcpus = ["--annotation", "io.podvisor.vcpus=2"];
    const made = await tryRun(
      containerd.runCommand("--detach", ...sandbox, ...vcpus, IMAGE, "pod", "sleep", "600"),
    );
    assertEquals(made.code, 0, made.stderr);
    const member = [...cri("container-type", "container"), ...cri("sandbox-id", "pod")];
    const script = ["sh", "-c", "grep -c ^processor /proc/cpuinfo"];
    const command = containerd.runCommand("--rm", ...member, IMAGE, "member", ...script);
    assertEquals((await tryRun(command)).stdout, "2\n");
    const left = await containerd.place.bench.leftovers();
    assertEquals(left.filter((each) => /qemu-system/.test(each)).length, 1);
    const kernel = ["--annotation", "io.podvisor.kernel=/boot/other"];
    const refused = await tryRun(
      containerd.runCommand("--rm", ...sandbox, ...kernel, IMAGE, "other", "true"),
    );
    assertMatch(refused.stderr, /the configuration does not allow it/);
    await containerd.must("task", "delete", "--force", "pod");
    assertEquals(await containerd.place.leftovers(), []);
  });
});

/** Everything that `ctr events` prints. */
function watchEvents(containerd: Containerd): { readonly seen: string } & AsyncDisposable {
  const [program, ...args] = containerd.command("events");
  const events = new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let seen = "";
  const reading = events.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({ write: (text) => void (seen += text) }),
  );
  return {
    get seen() {
      return seen;
    },
    async [Symbol.asyncDispose]() {
      events.kill("SIGTERM");
      await events.status;
      await reading;
    },
  };
}

import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  ChildProgram,
  decodeStatus,
  O_CLOEXEC,
  pipe,
  Poller,
  signalProcess,
  SysError,
} from "../../../lib/sys/mod.ts";
import { cString } from "../../../lib/sys/memory.ts";
import { SYS } from "../../../lib/sys/numbers.ts";
import { EPOLLIN } from "../../../lib/sys/poller.ts";
import { syscall } from "../../../lib/sys/syscall.ts";

function wait(pid: number) {
  const status = new Int32Array(1);
  const memory = new Uint8Array(status.buffer);
  syscall("wait4", `pid ${pid}`, SYS.wait4, pid, memory, 0, 0);
  return decodeStatus(status[0]!);
}

/** Does something while a poller runs. */
async function polled(act: (poller: Poller) => Promise<void>): Promise<void> {
  const poller = new Poller();
  const running = poller.run();
  try {
    await act(poller);
  } finally {
    const { read, write } = pipe();
    poller.close();
    const watch = poller.watch(read.number, EPOLLIN, () => watch.stop());
    write.close();
    await running;
    read.close();
  }
}

const openFiles = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("a held program has made the calls before its wait, and no other", async () => {
  await polled(async (poller) => {
    const before = openFiles();
    const program = new ChildProgram();
    program.call("chdir", "/proc", SYS.chdir, cString("/proc"));
    program.hold();
    program.call("umask", "077", SYS.umask, 0o77);
    const script = 'test "$A $(pwd) $(umask)" = "b /proc 0077" && exit 7';
    program.exec("/bin/sh", ["sh", "-c", script], ["A=b"]);
    {
      using held = program.startHeld();
      const directory = `/proc/${held.pid}`;
      assertEquals(Deno.readLinkSync(`${directory}/cwd`), "/proc");
      // Nothing of the process that has started it is in there.
      const maps = await Deno.readTextFile(`${directory}/maps`);
      assertMatch(maps, /^00400000-.* \/memfd:held/);
      const foreign = maps.trimEnd().split("\n").slice(1).filter((line) => !/\[.+\]$/.test(line));
      assertEquals(foreign, []);
      const command = await Deno.readTextFile(`${directory}/cmdline`);
      assertEquals(command.split("\0"), ["podvisor", "held", ""]);
      await held.release(poller);
      assertEquals(wait(held.pid), { kind: "exited", code: 7 });
    }
    assertEquals(openFiles(), before);
  });
});

Deno.test("a held program's results are arguments of later calls, and it has what it asks for", async () => {
  await polled(async (poller) => {
    const { read, write } = pipe();
    const program = new ChildProgram();
    program.hold([write.number]);
    const path = cString("/etc/passwd");
    const opened = program.call("open", "/etc/passwd", SYS.openat, -100, path, O_CLOEXEC);
    program.call("dup3", "80", SYS.dup3, opened, 80, 0);
    program.call("dup3", "9", SYS.dup3, write.number, 9, 0);
    program.exec(
      "/bin/sh",
      ["sh", "-c", "readlink /proc/self/fd/80 >&9; ls /proc/self/fd >&9"],
      [],
    );
    using held = program.startHeld();
    await held.release(poller);
    assertEquals(wait(held.pid).kind, "exited");
    write.close();
    const told = await Deno.readTextFile(`/proc/self/fd/${read.number}`);
    read.close();
    // ls has its directory open beside the standard streams.
    assertEquals(told, "/etc/passwd\n0\n1\n2\n3\n80\n9\n");
  });
});

Deno.test("a call that fails before the wait is told at once, one after it at the release", async () => {
  await polled(async (poller) => {
    const early = new ChildProgram();
    early.call("chdir", "/nowhere", SYS.chdir, cString("/nowhere"));
    early.hold();
    early.exec("/bin/true", ["true"], []);
    assertEquals(assertThrows(() => early.startHeld(), SysError).operand, "/nowhere");
    for (
      const [paths, told] of [
        [["/nowhere/true"], "execve /nowhere/true: no such file or directory (ENOENT)"],
        [
          ["/nowhere/true", "/etc/passwd", "/nowhere"],
          "execve /etc/passwd: permission denied (EACCES)",
        ],
      ] as const
    ) {
      const late = new ChildProgram();
      late.attempt("close", "999", SYS.close, 999);
      late.hold();
      late.attempt("close", "999", SYS.close, 999);
      late.exec(paths, ["true"], []);
      using held = late.startHeld();
      assertEquals((await assertRejects(() => held.release(poller), SysError)).message, told);
      assertEquals(wait(held.pid), { kind: "exited", code: 127 });
    }
  });
});

Deno.test("what became of a held program that nobody waited for is told when it has ended", () => {
  const before = openFiles();
  for (
    const [path, told] of [
      ["/nowhere/true", "execve /nowhere/true: no such file or directory (ENOENT)"],
      ["/etc/passwd", "execve /etc/passwd: permission denied (EACCES)"],
      // Executed, it ends with the same code.
      ["/bin/sh", undefined],
    ] as const
  ) {
    const program = new ChildProgram();
    program.hold();
    program.exec(path, ["sh", "-c", "exit 127"], []);
    using held = program.startHeld();
    held.letGo();
    assertEquals(wait(held.pid), { kind: "exited", code: 127 });
    assertEquals(held.failure()?.message, told);
  }
  const killed = new ChildProgram();
  killed.hold();
  killed.exec("/bin/true", ["true"], []);
  {
    using held = killed.startHeld();
    signalProcess(held.pid, 9);
    wait(held.pid);
    held.letGo();
    assertEquals(held.failure(), undefined);
  }
  assertEquals(openFiles(), before);
});

Deno.test("another program runs first in a held one, too", async () => {
  await polled(async (poller) => {
    for (
      const [script, expected] of [["exit 0", 0], ["exit 3", 3 << 8], ["kill -9 $$", 9]] as const
    ) {
      const program = new ChildProgram();
      program.hold();
      const status = program.runFirst("first", "/bin/sh", (first) => {
        first.exec("/bin/sh", ["sh", "-c", script], []);
      });
      program.exec("/bin/sh", ["sh", "-c", "exit 5"], []);
      using held = program.startHeld();
      const released = held.release(poller);
      if (expected === 0) await released;
      else assertEquals((await assertRejects(() => released, SysError)).call, "first");
      assertEquals(wait(held.pid), { kind: "exited", code: expected === 0 ? 5 : 127 });
      if (expected !== 0) assertEquals(status[0], expected);
    }
    const absent = new ChildProgram();
    absent.hold();
    absent.runFirst("first", "/nowhere", (first) => first.exec("/nowhere", ["x"], []));
    absent.exec("/bin/true", ["true"], []);
    using held = absent.startHeld();
    assertEquals((await assertRejects(() => held.release(poller), SysError)).call, "first");
    wait(held.pid);
  });
});

Deno.test("a held program can be killed, before and after its release", async () => {
  await polled(async (poller) => {
    const start = () => {
      const program = new ChildProgram();
      program.hold();
      program.exec("/bin/sleep", ["sleep", "600"], []);
      return program.startHeld();
    };
    {
      using held = start();
      signalProcess(held.pid, 9);
      assertEquals(wait(held.pid), { kind: "signalled", signal: 9 });
      // Nobody is left to be let go on, which is no failure of a call.
      await held.release(poller);
    }
    using held = start();
    await held.release(poller);
    signalProcess(held.pid, 15);
    assertEquals(wait(held.pid), { kind: "signalled", signal: 15 });
  });
});

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChildProgram, decodeStatus, pipe, SysError } from "../../../lib/sys/mod.ts";
import { cString } from "../../../lib/sys/memory.ts";
import { SYS } from "../../../lib/sys/numbers.ts";
import { syscall } from "../../../lib/sys/syscall.ts";

function wait(pid: number) {
  const status = new Int32Array(1);
  const memory = new Uint8Array(status.buffer);
  syscall("wait4", `pid ${pid}`, SYS.wait4, pid, memory, 0, 0);
  return decodeStatus(status[0]!);
}

/** This process's children, zombies among them; other tests of the same process may have left some. */
function children(): string[] {
  return [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) =>
    Deno.readTextFileSync(`/proc/self/task/${name}/children`).split(" ").filter(Boolean)
  ).sort();
}

Deno.test("a child program runs its calls in order and then the new program", () => {
  const program = new ChildProgram();
  program.call("chdir", "/proc/self", SYS.chdir, cString("/proc/self"));
  program.exec("/bin/sh", ["sh", "-c", 'test "$A$(pwd -P)" = "b=c/proc/$$" && exit 7'], ["A=b=c"]);
  assertEquals(wait(program.start()), { kind: "exited", code: 7 });
});

Deno.test("the result of a call is the argument of later ones", () => {
  const program = new ChildProgram();
  const path = cString("/etc/passwd");
  const opened = program.call("open", "/etc/passwd", SYS.openat, -100, path, 0);
  program.call("dup3", "8", SYS.dup3, opened, 8, 0);
  program.call("dup3", "9", SYS.dup3, opened, 9, 0);
  const command = 'test "$(readlink /proc/self/fd/8)$(readlink /proc/self/fd/9)" = "$0"';
  program.exec("/bin/sh", ["sh", "-c", command, "/etc/passwd/etc/passwd"], []);
  assertEquals(wait(program.start()), { kind: "exited", code: 0 });
});

Deno.test("the first call that fails is named, and the child is gone", () => {
  const before = children();
  const program = new ChildProgram();
  program.attempt("close", "descriptor 999", SYS.close, 999);
  program.call("chdir", "/nowhere", SYS.chdir, cString("/nowhere"));
  program.exec("/bin/true", ["true"], []);
  const error = assertThrows(() => program.start(), SysError);
  assertEquals([error.call, error.operand, error.code], ["chdir", "/nowhere", "ENOENT"]);
  assertEquals(error.message, "chdir /nowhere: no such file or directory (ENOENT)");
  assertEquals(children(), before);
});

Deno.test("a split goes on in a second child that this process can wait for", () => {
  const before = children();
  const program = new ChildProgram();
  program.split();
  program.exec("/bin/sh", ["sh", "-c", "exit 9"], []);
  assertEquals(wait(program.start()), { kind: "exited", code: 9 });
  assertEquals(children(), before);
});

Deno.test("a call that fails after a split is named, and both children are gone", () => {
  const before = children();
  const program = new ChildProgram();
  program.split();
  program.exec("/nowhere", ["nowhere"], []);
  assertThrows(() => program.start(), SysError, "execve /nowhere");
  assertEquals(children(), before);
});

Deno.test("the new program has no signal blocked and none ignored", async () => {
  const LIBRARY_SIGNAL = 32, SIG_IGN = 1;
  const ignore = new BigUint64Array([BigInt(SIG_IGN), 0n, 0n, 0n]);
  const previous = new Uint8Array(32);
  const action = new Uint8Array(ignore.buffer);
  syscall("rt_sigaction", "a signal", SYS.rt_sigaction, LIBRARY_SIGNAL, action, previous, 8);
  const output = pipe();
  const program = new ChildProgram();
  program.call("dup3", "stdout", SYS.dup3, output.write.number, 1, 0);
  program.exec("/bin/grep", ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"], []);
  const status = wait(program.start());
  output.write.close();
  syscall("rt_sigaction", "a signal", SYS.rt_sigaction, LIBRARY_SIGNAL, previous, 0, 8);
  const text = await Deno.readTextFile(`/proc/self/fd/${output.read.number}`);
  output.read.close();
  const none = "0".repeat(16);
  assertEquals(text, `SigBlk:\t${none}\nSigIgn:\t${none}\n`);
  assertEquals(status, { kind: "exited", code: 0 });
});

Deno.test("a thousand children start and leave nothing", () => {
  const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = open();
  for (let round = 0; round < 1000; round++) {
    const program = new ChildProgram();
    program.exec("/bin/true", ["true"], []);
    assertEquals(wait(program.start()), { kind: "exited", code: 0 });
  }
  assert(open() <= before);
});

Deno.test("an error number comes back with its call on any thread", async () => {
  const { blockingSyscall } = await import("../../../lib/sys/syscall.ts");
  for (let round = 0; round < 50; round++) {
    const [sync, blocking] = await Promise.allSettled([
      (async () => await Promise.resolve(syscall("close", "-1", SYS.close, -1)))(),
      blockingSyscall("chdir", "/nowhere", SYS.chdir, cString("/nowhere")),
    ]);
    assert(sync.status === "rejected" && blocking.status === "rejected");
    assertEquals([sync.reason.code, blocking.reason.code], ["EBADF", "ENOENT"]);
  }
});

Deno.test("another program can run first, and must end well", () => {
  const before = children();
  const { read, write } = pipe();
  using _read = read;
  using _write = write;
  const make = (script: string) => {
    const program = new ChildProgram();
    const sh = (text: string) => ["sh", "-c", text];
    const status = program.runFirst("first", "/bin/sh", (first) => {
      first.call("dup3", "stdout", SYS.dup3, write.number, 1, 0);
      first.exec("/bin/sh", sh(script), []);
    });
    program.call("chdir", "/proc", SYS.chdir, cString("/proc"));
    program.exec("/bin/sh", sh("test $(pwd) = /proc && exit 5"), []);
    return { program, status };
  };
  const good = make("echo a; sleep 0.1; echo b");
  assertEquals(wait(good.program.start()), { kind: "exited", code: 5 });
  const memory = new Uint8Array(16);
  const count = syscall("read", "a pipe", SYS.read, read.number, memory, memory.length);
  assertEquals(new TextDecoder().decode(memory.subarray(0, count)), "a\nb\n");
  for (const [script, expected] of [["exit 3", 3 << 8], ["kill -9 $$", 9]] as const) {
    const bad = make(script);
    const error = assertThrows(() => bad.program.start(), SysError);
    assertEquals([error.call, error.operand, bad.status[0]], ["first", "/bin/sh", expected]);
  }
  const absent = new ChildProgram();
  absent.runFirst("first", "/nowhere", (first) => first.exec("/nowhere", ["x"], []));
  absent.exec("/bin/true", ["true"], []);
  assertEquals(assertThrows(() => absent.start(), SysError).call, "first");
  assertEquals(children(), before);
});

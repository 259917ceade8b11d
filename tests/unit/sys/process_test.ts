import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  childStatus,
  collectChild,
  decodeStatus,
  exitCode,
  identifyProcess,
  isAlive,
  openProcess,
  parseSignal,
  pipe,
  signalName,
  signalProcess,
  spawn,
  SysError,
  tryLockFile,
  waitForEnd,
} from "../../../lib/sys/mod.ts";

Deno.test("a spawned program has the descriptors given to it, in order, and no others", async () => {
  const ends = pipe();
  const list = "ls /proc/self/fd | tr '\\n' ' ' >&3";
  const pid = spawn({
    command: ["/bin/sh", "-c", list],
    descriptors: [null, 2, 1, ends.write.number],
  });
  ends.write.close();
  using process = openProcess(pid)!;
  assert(await waitForEnd(process, 5000));
  assertEquals(collectChild(pid), { kind: "exited", code: 0 });
  const text = await Deno.readTextFile(`/proc/self/fd/${ends.read.number}`);
  // The last is the directory that ls reads, or the shell's copy of the redirected descriptor.
  assertEquals(text.trim().split(" ").slice(0, 4), ["0", "1", "2", "3"]);
  assert(text.trim().split(" ").length <= 6, text);
  ends.read.close();
});

Deno.test("a program that is not there is named, and a directory to start in too", () => {
  assertThrows(() => spawn({ command: ["/nowhere"] }), SysError, "execve /nowhere");
  assertThrows(
    () => spawn({ command: ["/bin/true"], cwd: "/nowhere" }),
    SysError,
    "chdir /nowhere",
  );
});

Deno.test("a process is known by more than its number", async () => {
  const pid = spawn({ command: ["/bin/sleep", "60"], dieWithParent: true });
  const identity = identifyProcess(pid)!;
  assert(isAlive(identity));
  assert(!isAlive({ pid, startTime: identity.startTime - 1 }));
  using process = openProcess(pid)!;
  assertEquals(await waitForEnd(process, 1), false);
  assert(signalProcess(pid, 9));
  assert(await waitForEnd(process, 5000));
  assert(!isAlive(identity), "a zombie is not alive");
  assertEquals(collectChild(pid), { kind: "signalled", signal: 9 });
  assertEquals(signalProcess(pid, 0), false);
  assertEquals(openProcess(pid), undefined);
});

Deno.test("wait status words are read as wait(2) has them", () => {
  assertEquals(decodeStatus(0x2a00), { kind: "exited", code: 42 });
  assertEquals(decodeStatus(0x000f), { kind: "signalled", signal: 15 });
  assertEquals(decodeStatus(0x008b), { kind: "signalled", signal: 11 });
  assertEquals(exitCode({ kind: "signalled", signal: 15 }), 143);
});

Deno.test("signals are known by number, by name and by name with SIG", () => {
  for (const text of ["15", "TERM", "SIGTERM", "sigterm"]) assertEquals(parseSignal(text), 15);
  for (const text of ["", "0", "65", "-1", "SIGFOO", "1.5"]) {
    assertEquals(parseSignal(text), undefined);
  }
  assertEquals(signalName(9), "SIGKILL");
});

Deno.test("a file lock is held by one at a time", async () => {
  const path = await Deno.makeTempFile();
  using first = tryLockFile(path);
  assert(first);
  assertEquals(tryLockFile(path), undefined);
  assertEquals(tryLockFile(path, "shared"), undefined);
  first.close();
  using one = tryLockFile(path, "shared");
  using two = tryLockFile(path, "shared");
  assert(one && two);
  await Deno.remove(path);
});

Deno.test("a child's status can be seen before it is collected", async () => {
  for (
    const [script, status] of [
      ["exit 9", { kind: "exited", code: 9 }],
      ["kill -KILL $$", { kind: "signalled", signal: 9 }],
    ] as const
  ) {
    const pid = spawn({ command: ["/bin/sh", "-c", script] });
    using process = openProcess(pid)!;
    await waitForEnd(process);
    assertEquals(childStatus(pid), status);
    assertEquals(childStatus(pid), status);
    assertEquals(collectChild(pid), status);
    assertEquals(childStatus(pid), undefined);
  }
});

import { assertEquals, assertThrows } from "@std/assert";
import {
  AT_FDCWD,
  ChildProgram,
  collectChild,
  cString,
  O_RDONLY,
  openProcess,
  pipe,
  readSome,
  SYS,
  SysError,
  waitForEnd,
} from "../../../lib/sys/mod.ts";

async function statusOf(pid: number): Promise<unknown> {
  using process = openProcess(pid)!;
  await waitForEnd(process);
  return collectChild(pid);
}

function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("a parked process goes on with calls that were added later, and with what was opened meanwhile", async () => {
  const program = new ChildProgram();
  program.call("chdir", "/usr", SYS.chdir, cString("/usr"));
  const dropped = ["openat", "/etc", SYS.openat, AT_FDCWD, cString("/etc"), O_RDONLY, 0] as const;
  program.call(...dropped);
  const kept = program.call("openat", "/", SYS.openat, AT_FDCWD, cString("/"), O_RDONLY, 0);
  const before = openFiles();
  const parked = program.park(0, [kept]);
  assertEquals(openFiles(), before + 1);
  assertEquals(parked.waits, true);
  const { read, write } = pipe();
  using _read = read;
  program.call("dup3", "stdout", SYS.dup3, write.number, 1, 0);
  program.call("fchdir", "/", SYS.fchdir, kept);
  program.exec(["/nowhere/sh", "/bin/sh"], ["sh", "-c", "pwd; exit 7"], []);
  parked.goOn();
  write.close();
  const output = new Uint8Array(100);
  const count = readSome(read.number, output);
  assertEquals(new TextDecoder().decode(output.subarray(0, count)), "/\n");
  assertEquals(await statusOf(parked.pid), { kind: "exited", code: 7 });
});

Deno.test("what fails of a parked process's calls is told by name, before and after its wait", () => {
  const front = new ChildProgram();
  front.call("chdir", "/nowhere", SYS.chdir, cString("/nowhere"));
  const early = assertThrows(() => front.park(0, []), SysError);
  assertEquals(early.message.includes("chdir"), true, early.message);
  const back = new ChildProgram();
  const parked = back.park(0, []);
  back.exec("/nowhere", ["nowhere"], []);
  const late = assertThrows(() => parked.goOn(), SysError);
  assertEquals(late.call, "execve");
  assertEquals(parked.waits, false);
});

Deno.test("a parked process that is not needed is ended", () => {
  const parked = new ChildProgram().park(0, []);
  parked.end();
  assertEquals(parked.waits, false);
  assertEquals(openProcess(parked.pid), undefined);
});

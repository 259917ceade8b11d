import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  ChildProgram,
  decodeStatus,
  pipe,
  Poller,
  signalProcess,
  SysError,
} from "../../../lib/sys/mod.ts";
import { cString } from "../../../lib/sys/memory.ts";
import { SYS } from "../../../lib/sys/numbers.ts";
import { syscall } from "../../../lib/sys/syscall.ts";

function wait(pid: number) {
  const status = new Int32Array(1);
  const memory = new Uint8Array(status.buffer);
  syscall("wait4", `pid ${pid}`, SYS.wait4, pid, memory, 0, 0);
  return decodeStatus(status[0]!);
}

/** Does something while a poller runs. */
async function polled<T>(act: (poller: Poller) => Promise<T>): Promise<T> {
  const poller = new Poller();
  const running = poller.run();
  try {
    return await act(poller);
  } finally {
    poller.close();
    using wake = pipe().read;
    poller.watch(wake.number, 1, () => {});
    await running;
  }
}

Deno.test("a held program has made the calls before its wait, and no other", async () => {
  await polled(async (poller) => {
    const program = new ChildProgram();
    program.call("chdir", "/proc", SYS.chdir, cString("/proc"));
    program.hold();
    program.call("umask", "077", SYS.umask, 0o77);
    program.exec("/bin/sh", ["sh", "-c", 'test "$A $(pwd) $(umask)" = "b /proc 0077" && exit 7'], [
      "A=b",
    ]);
    using held = program.startHeld();
    const directory = `/proc/${held.pid}`;
    assertEquals(await Deno.readLink(`${directory}/cwd`), "/proc");
    assertMatch(await Deno.readTextFile(`${directory}/maps`), /^00400000/);
    assertEquals((await Deno.readTextFile(`${directory}/cmdline`)).split("\0"), [
      "podvisor",
      "held",
      "",
    ]);
    await held.release(poller);
    assertEquals(wait(held.pid), { kind: "exited", code: 7 });
  });
});

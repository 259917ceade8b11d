import { assertEquals } from "@std/assert";
import { Refusal } from "../../../../lib/guest/agent/runtime.ts";
import { lateFailure, startError } from "../../../../lib/guest/agent/start_error.ts";
import { SysError } from "../../../../lib/sys/mod.ts";

const ENOENT = 2, ENOEXEC = 8, EACCES = 13, EPERM = 1;

Deno.test("what cannot be executed has the exit code of shells, early and late", () => {
  const tries: [SysError, string, number, string][] = [
    [
      new SysError("execve", "/bin/p", ENOENT),
      "p",
      127,
      "exec p: executable file not found in $PATH",
    ],
    [new SysError("execve", "/p", ENOENT), "/p", 127, "exec /p: no such file or directory"],
    [new SysError("execve", "/p", EACCES), "/p", 126, "exec /p: permission denied"],
    [new SysError("execve", "/p", ENOEXEC), "/p", 126, "exec /p: exec format error"],
    [new SysError("chdir", "/d", ENOENT), "p", 127, "chdir /d: no such file or directory"],
  ];
  for (const [error, program, exitCode, text] of tries) {
    assertEquals(lateFailure(error, program), {
      exitCode,
      text: `podvisor: cannot start the process: ${text}`,
    });
    const { message } = startError(error, program, "It could not be started");
    assertEquals(message, `Process could not be started: ${text} (${error.code})`);
  }
});

Deno.test("what else fails is told as what it is", () => {
  const error = new SysError("setuid", "7", EPERM);
  assertEquals(lateFailure(error, "p").exitCode, 126);
  assertEquals(
    lateFailure(error, "p").text,
    "podvisor: cannot start the process: setuid 7: operation not permitted",
  );
  assertEquals(startError(error, "p", "It failed").message, `It failed: ${error.message}`);
  const refusal = new Refusal("no");
  assertEquals(startError(refusal, "p", "It failed"), refusal);
});

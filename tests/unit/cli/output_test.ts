import { assertEquals } from "@std/assert";
import { describeError } from "../../../lib/cli/output.ts";

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("an error of the runtime is told as what was done, with what, and why it failed", () => {
  const error = thrownBy(() => Deno.writeTextFileSync("/proc/no-such-file", ""));
  assertEquals(
    describeError(error),
    "writefile /proc/no-such-file: No such file or directory",
  );
  const told = "Cannot write a trace to /t: Is a directory (os error 21): open '/t'";
  assertEquals(describeError(new Error(told)), told);
});

Deno.test("causes are told where the message does not tell them already, all in one line", () => {
  const cause = new Error("it is\n\x1b[31mred");
  assertEquals(
    describeError(new Error("Cannot go on", { cause })),
    "Cannot go on: it is [31mred",
  );
  assertEquals(describeError(new Error("Cannot: why", { cause: new Error("why") })), "Cannot: why");
});

Deno.test("an error of the runtime that a message ends with is told once, in the same words", () => {
  const cause = thrownBy(() => Deno.readTextFileSync("/proc/no-such-file")) as Error;
  assertEquals(
    describeError(new Error(`Cannot read it: ${cause.message}`, { cause })),
    "Cannot read it: readfile /proc/no-such-file: No such file or directory",
  );
});

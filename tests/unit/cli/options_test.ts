import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { type OptionSpec, parseOptions } from "../../../lib/cli/options.ts";

const SPECS: readonly OptionSpec[] = [
  { name: "interactive", short: "i", kind: "flag", help: "" },
  { name: "tty", short: "t", kind: "flag", help: "" },
  { name: "env", short: "e", kind: "list", placeholder: "K=V", help: "" },
  { name: "memory", short: "m", kind: "value", placeholder: "SIZE", help: "" },
];

Deno.test("options end at the first operand, and what follows is left alone", () => {
  const options = parseOptions(["-i", "busybox", "-t", "--memory", "007"], SPECS);
  assertEquals(options.operands, ["busybox", "-t", "--memory", "007"]);
  assertEquals(options.flag("interactive"), true);
  assertEquals(options.flag("tty"), false);
  assertEquals(options.value("memory"), undefined);
});

Deno.test("options end at a double dash, which is dropped", () => {
  assertEquals(parseOptions(["-t", "--", "-i"], SPECS).operands, ["-i"]);
});

Deno.test("options may stand among the operands where no command line follows", () => {
  const options = parseOptions(["web", "-m", "1", "x", "--", "-t"], SPECS, "anywhere");
  assertEquals(options.operands, ["web", "x", "-t"]);
  assertEquals(options.value("memory"), "1");
});

Deno.test("letters can be joined, and the last of them may take a value", () => {
  for (
    const args of [["-ite", "A=b"], ["-iteA=b"], ["-i", "-t", "-e", "A=b"], ["-it", "--env=A=b"]]
  ) {
    const options = parseOptions(args, SPECS);
    assertEquals([options.flag("interactive"), options.flag("tty")], [true, true], args.join(" "));
    assertEquals(options.list("env"), ["A=b"], args.join(" "));
  }
});

Deno.test("a value keeps its equals signs, its dashes and its spaces", () => {
  const options = parseOptions(["-e", "A=b=c", "-e", "-x", "-e", "", "--memory", "1 G"], SPECS);
  assertEquals(options.list("env"), ["A=b=c", "-x", ""]);
  assertEquals(options.value("memory"), "1 G");
});

Deno.test("an option that is unknown is named in the error", () => {
  for (const option of ["--bogus", "-z", "--no-tty"]) {
    const error = assertThrows(() => parseOptions([option], SPECS), Failure);
    assertEquals(error.message, `Cannot use the option ${option}: it is unknown`);
    assertEquals(error.exitCode, 125);
  }
  assertThrows(() => parseOptions(["--bogus=secret"], SPECS), Failure, "option --bogus: it is");
  assertThrows(() => parseOptions(["-i5"], SPECS), Failure, "option -5: it is unknown");
});

Deno.test("an option without its value, or given twice, is named in the error", () => {
  assertThrows(
    () => parseOptions(["--memory"], SPECS),
    Failure,
    "--memory: it needs a value (SIZE)",
  );
  assertThrows(() => parseOptions(["-m1", "-m", "2"], SPECS), Failure, "--memory more than once");
});

Deno.test("a number or a word outside its limits is named with them", () => {
  const specs: OptionSpec[] = [{ name: "n", kind: "value", placeholder: "N", help: "" }];
  assertEquals(parseOptions(["--n", "5"], specs).integer("n", 1, 5), 5);
  for (const text of ["0", "6", "-1", "1.5", "x", "", "0x3"]) {
    assertThrows(
      () => parseOptions([`--n=${text}`], specs).integer("n", 1, 5),
      Failure,
      `Cannot use ${JSON.stringify(text)} for --n: a whole number from 1 to 5 is needed`,
    );
  }
  assertEquals(parseOptions(["--n", "b"], specs).choice("n", ["a", "b"]), "b");
  assertThrows(() => parseOptions(["--n", "c"], specs).choice("n", ["a", "b"]), Failure, "a, b");
});

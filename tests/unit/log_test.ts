import { assertEquals, assertMatch } from "@std/assert";
import { configureLogging, flushLog, getLogger, type LogFormat } from "../../lib/log.ts";

/** What is in a file when something has been logged to it. */
async function logged(format: LogFormat, level: "debug" | "warn"): Promise<string> {
  const file = await Deno.makeTempFile();
  configureLogging({ file, format, level });
  try {
    const logger = getLogger("pod", { pod: "p" });
    logger.debug("a {brace}\u0085", { error: new Error("bad"), size: 5n, list: [{ a: 1 }] });
    logger.with({ container: "c" }).warn("second");
    await flushLog();
    return await Deno.readTextFile(file);
  } finally {
    configureLogging({ level: "error", format: "text" });
    await Deno.remove(file);
  }
}

const parse = (text: string) => text.trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("records as JSON have time, level, message, logger and properties", async () => {
  const text = await logged("json", "debug");
  assertMatch(text, /a \{brace\}\\u0085/);
  const [first, second] = parse(text);
  assertMatch(first["@timestamp"], /^\d{4}-\d\d-\d\dT.*Z$/);
  assertEquals({ ...first, "@timestamp": "" }, {
    "@timestamp": "",
    level: "DEBUG",
    message: "a {brace}\u0085",
    logger: "podvisor.pod",
    properties: { subsystem: "pod", pod: "p", error: "bad", size: "5", list: [{ a: 1 }] },
  });
  assertEquals([second.level, second.message], ["WARN", "second"]);
  assertEquals(second.properties, { subsystem: "pod", pod: "p", container: "c" });
});

Deno.test("records for engines are as logrus has them, those of lower levels left out", async () => {
  const [only, ...others] = parse(await logged("logrus", "warn"));
  assertEquals([only.level, only.msg, only.container, others], ["warning", "second", "c", []]);
});

Deno.test("records as text have the same", async () => {
  const text = await logged("text", "warn");
  assertMatch(text, /^time=\S+ level=warning logger=podvisor.pod msg=second .*container=c\n$/);
});

Deno.test("a log that cannot be opened ends nobody", () => {
  configureLogging({ file: "/nowhere/log", format: "json", level: "error" });
  try {
    getLogger("pod").error("a record for a log that is not there, in a test");
  } finally {
    configureLogging({ level: "error", format: "text" });
  }
});

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

Deno.test("processes that nobody knows are collected when they have ended, others are left", async () => {
  const program = fromFileUrl(new URL("orphans_program.ts", import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", program],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const [whenKnown, whenUnknown, running] = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(whenKnown, [{ kind: "exited", code: 1 }, { kind: "exited", code: 2 }]);
  assertEquals(whenUnknown, [null, null]);
  assertEquals(running, [{ kind: "signalled", signal: 9 }]);
});

import { assertEquals } from "@std/assert";
import { features } from "../../../lib/oci/mod.ts";

Deno.test("engines are told of every capability by the name that config.json has for it", () => {
  const { linux } = features("1.2.3") as { linux: { capabilities: string[] } };
  assertEquals(linux.capabilities[0], "CAP_CHOWN");
  assertEquals(linux.capabilities.at(-1), "CAP_CHECKPOINT_RESTORE");
  assertEquals(linux.capabilities.length, 41);
});

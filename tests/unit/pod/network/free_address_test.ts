import { assertEquals } from "@std/assert";
import { freeAddress, isInNetwork } from "../../../../lib/pod/network/free_address.ts";

Deno.test("the lowest address of a network that nobody has is free", () => {
  assertEquals(freeAddress("10.88.0.1/24", new Set()), "10.88.0.2/24");
  assertEquals(freeAddress("10.88.0.9/24", new Set(["10.88.0.1"])), "10.88.0.2/24");
  assertEquals(freeAddress("10.88.0.1/24", new Set(["10.88.0.2", "10.88.0.4"])), "10.88.0.3/24");
  assertEquals(freeAddress("fd88::1/64", new Set(["fd88::2"])), "fd88::3/64");
});

Deno.test("neither a network's first address is free nor, of IPv4, its last", () => {
  assertEquals(freeAddress("10.0.0.2/30", new Set()), "10.0.0.1/30");
  assertEquals(freeAddress("10.0.0.2/30", new Set(["10.0.0.1"])), undefined);
  assertEquals(freeAddress("10.0.0.1/31", new Set()), undefined);
  assertEquals(freeAddress("10.0.0.1/32", new Set()), undefined);
  assertEquals(freeAddress("fd88::1/126", new Set(["fd88::2"])), "fd88::3/126");
});

Deno.test("an address is in a network of its own kind that it shares the prefix with", () => {
  assertEquals(isInNetwork("10.1.2.3", "10.1.0.1/16"), true);
  assertEquals(isInNetwork("10.2.2.3", "10.1.0.1/16"), false);
  assertEquals(isInNetwork("fd00::1", "fd00::2/64"), true);
  assertEquals(isInNetwork("fd00::1", "0.0.0.0/0"), false);
});

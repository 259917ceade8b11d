import { assert, assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { checkName, makeName } from "../../../lib/pod/mod.ts";

Deno.test("a name that could leave its directory or break a socket's address is refused", () => {
  const bad = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/a",
    "-a",
    ".a",
    "a b",
    "a\n",
    "a:b",
    "ä",
    "x".repeat(65),
  ];
  for (const name of bad) assertThrows(() => checkName("pod", name), Failure, "pod name");
});

Deno.test("names of the usual kinds are taken as they are", () => {
  for (const name of ["a", "web-1", "A_b.c+d", "0".repeat(64)]) {
    assertEquals(checkName("container", name), name);
  }
});

Deno.test("made names are valid and differ", () => {
  const names = new Set(Array.from({ length: 200 }, makeName));
  for (const name of names) checkName("pod", name);
  assert(names.size > 195);
});

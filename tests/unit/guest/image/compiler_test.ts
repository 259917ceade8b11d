import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { findCompiler } from "../../../../lib/guest/image/compile.ts";

Deno.test("the compiler is the one named, else deno-compile on PATH, else Deno itself", () => {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(join(directory, "deno-compile"), "");
    const path = `relative:/nonexistent:${directory}`;
    const search = { override: undefined, path, deno: "/bin/deno" };
    assertEquals(findCompiler({ ...search, override: " other  compile " }), ["other", "compile"]);
    assertEquals(findCompiler(search), [join(directory, "deno-compile")]);
    assertEquals(findCompiler({ ...search, override: "", path: "/nonexistent" }), [
      "/bin/deno",
      "compile",
    ]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ImageCache } from "../../../../lib/guest/image/image_cache.ts";
import { hashFiles, sha256 } from "../../../../lib/guest/image/inputs.ts";

/** A cache that builds from one file, and counts how often it does. */
async function withCache(
  run: (
    fixture: {
      directory: string;
      input: string;
      build: () => Promise<string>;
      built: () => number;
    },
  ) => Promise<void>,
): Promise<void> {
  const root = Deno.makeTempDirSync();
  const directory = join(root, "guest"), input = join(root, "input");
  let built = 0;
  Deno.writeTextFileSync(input, "one");
  const build = async () => {
    const cache = new ImageCache(directory);
    const image = await cache.build("recipe", async () => {
      const inputs = await hashFiles([input], cache.knownInputs("recipe"));
      return { inputs, key: await sha256(new TextEncoder().encode(inputs[0]!.sha256)) };
    }, async (target) => {
      built++;
      await Deno.copyFile(input, join(target, "image"));
    });
    return Deno.readTextFileSync(join(image.directory, "image"));
  };
  try {
    await run({ directory, input, build, built: () => built });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("an image is built once for the same inputs", () =>
  withCache(async ({ directory, build, built }) => {
    assertEquals(new ImageCache(directory).find("recipe"), undefined);
    assertEquals([await build(), await build()], ["one", "one"]);
    assertEquals(built(), 1);
    assert(new ImageCache(directory).find("recipe"));
  }));

Deno.test("a changed input gives another image", () =>
  withCache(async ({ directory, input, build, built }) => {
    await build();
    Deno.writeTextFileSync(input, "changed");
    assertEquals(new ImageCache(directory).find("recipe"), undefined);
    assertEquals(await build(), "changed");
    assertEquals(built(), 2);
  }));

Deno.test("an input that was only touched does not", () =>
  withCache(async ({ directory, input, build, built }) => {
    await build();
    Deno.utimeSync(input, 1, 1);
    assertEquals(new ImageCache(directory).find("recipe"), undefined);
    await build();
    assertEquals(built(), 1);
    assert(new ImageCache(directory).find("recipe"));
  }));

Deno.test("of builds at the same time one does the work", () =>
  withCache(async ({ build, built }) => {
    assertEquals(await Promise.all([build(), build(), build()]), ["one", "one", "one"]);
    assertEquals(built(), 1);
  }));

Deno.test("a build that fails leaves nothing behind", () =>
  withCache(async ({ directory }) => {
    const cache = new ImageCache(directory);
    const prepare = () => Promise.resolve({ key: "a".repeat(64), inputs: [] });
    await assertRejects(
      () => cache.build("recipe", prepare, () => Promise.reject(new Error("disk full"))),
      Error,
      "disk full",
    );
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["lock"]);
  }));

Deno.test("a record that cannot be read means building again", () =>
  withCache(async ({ directory, build, built }) => {
    await build();
    Deno.writeTextFileSync(join(directory, "recipe.json"), "{");
    assertEquals(await build(), "one");
    assertEquals(built(), 1);
  }));

Deno.test("old images and abandoned builds are removed", () =>
  withCache(async ({ directory, input, build }) => {
    for (let index = 0; index < 7; index++) {
      Deno.writeTextFileSync(input, `content ${index}`.repeat(index + 1));
      await build();
    }
    Deno.mkdirSync(join(directory, "building-old"));
    Deno.utimeSync(join(directory, "building-old"), 1, 1);
    Deno.writeTextFileSync(input, "last");
    await build();
    const names = [...Deno.readDirSync(directory)].filter((entry) => entry.isDirectory);
    assertEquals(names.length, 4);
    assert(names.every(({ name }) => /^[0-9a-f]{64}$/.test(name)));
  }));

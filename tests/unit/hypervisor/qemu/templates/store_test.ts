import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { TemplateDetails } from "../../../../../lib/hypervisor/mod.ts";
import {
  readManifest,
  writeManifest,
} from "../../../../../lib/hypervisor/qemu/templates/manifest.ts";
import { TemplateStore } from "../../../../../lib/hypervisor/qemu/templates/store.ts";

const KEYS = ["a", "b"].map((digit) => digit.repeat(64)) as [string, string];

/** A store with a way to make templates of small files. */
async function withStore(
  run: (
    fixture: {
      store: TemplateStore;
      make: (key?: string, wait?: boolean) => Promise<unknown>;
      file: (name: string) => string;
    },
  ) => Promise<void>,
): Promise<void> {
  const directory = join(Deno.makeTempDirSync(), "templates");
  const store = new TemplateStore(directory);
  const make = async (key = KEYS[0], wait = true) =>
    await store.make(async (place) => {
      await Deno.writeTextFile(place.ram, "memory");
      await Deno.writeTextFile(place.state, "state");
      return detailsOf(key);
    }, { wait });
  try {
    await run({ store, make, file: (name) => join(directory, KEYS[0], name) });
  } finally {
    Deno.removeSync(join(directory, ".."), { recursive: true });
  }
}

function detailsOf(key: string): TemplateDetails {
  const size = { memoryMiB: 512, vcpus: 1 };
  return { key, ...size, network: "none", accelerator: "tcg", binary: "/qemu", kernel: "/k" };
}

async function isUsable(store: TemplateStore, key = KEYS[0]): Promise<boolean> {
  using template = await store.open(key);
  return template ? template.manifest.key === key : false;
}

Deno.test("a template that was made is found by its key, and listed", () =>
  withStore(async ({ store, make }) => {
    assert(!await isUsable(store));
    await make();
    assert(await isUsable(store));
    assert(!await isUsable(store, KEYS[1]));
    assertEquals((await store.list()).map(({ key }) => key), [KEYS[0]]);
  }));

Deno.test("a template that is damaged in any way is dropped, and can be made anew", () =>
  withStore(async ({ store, make, file }) => {
    const damages: Record<string, () => void> = {
      "memory cut": () => Deno.truncateSync(file("ram"), 3),
      "memory changed": () => Deno.writeTextFileSync(file("ram"), "mEmory"),
      "memory replaced": () => {
        Deno.writeTextFileSync(file("other"), "memory");
        Deno.renameSync(file("other"), file("ram"));
      },
      "memory gone": () => Deno.removeSync(file("ram")),
      "state cut": () => Deno.truncateSync(file("state"), 0),
      "state changed": () => Deno.writeTextFileSync(file("state"), "sTate"),
      "state gone": () => Deno.removeSync(file("state")),
      "manifest cut": () => Deno.truncateSync(file("template.json"), 40),
      "manifest changed": () => {
        const text = Deno.readTextFileSync(file("template.json"));
        Deno.writeTextFileSync(file("template.json"), text.replace("512", "513"));
      },
      "manifest gone": () => Deno.removeSync(file("template.json")),
    };
    for (const [what, damage] of Object.entries(damages)) {
      await make();
      assert(await isUsable(store), what);
      // Times are told apart by milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 5));
      damage();
      assert(!await isUsable(store), what);
      assertEquals(await store.list(), [], what);
    }
  }));

Deno.test("a manifest of another version is no manifest", async () => {
  const file = { size: 1, modified: 2, changed: 3, inode: 4 };
  const manifest = { version: 1, created: "", ...detailsOf(KEYS[0]), ram: file, state: file };
  assertEquals(await readManifest(await writeManifest(manifest as never)), manifest as never);
  assertEquals(
    await readManifest(await writeManifest({ ...manifest, version: 2 } as never)),
    undefined,
  );
});

Deno.test("a template stays usable for whoever has opened it", () =>
  withStore(async ({ store, make }) => {
    await make();
    using template = await store.open(KEYS[0]);
    assert(await store.drop(KEYS[0]));
    assert(!await store.drop(KEYS[0]));
    assertEquals(Deno.readTextFileSync(`/proc/self/fd/${template!.ram.number}`), "memory");
  }));

Deno.test("one is made at a time: others wait, or leave it", () =>
  withStore(async ({ store, make }) => {
    const inside = Promise.withResolvers<void>(), leave = Promise.withResolvers<void>();
    const first = store.make(async () => {
      inside.resolve();
      await leave.promise;
      return undefined;
    }, { wait: true });
    await inside.promise;
    assertEquals(await make(KEYS[0], false), undefined);
    assertEquals(await store.collectGarbage(), []);
    const second = make(KEYS[1]);
    leave.resolve();
    assertEquals(await first, undefined);
    await second;
    assertEquals((await store.list()).map(({ key }) => key), [KEYS[1]]);
  }));

Deno.test("what a failed or killed command left of a template is removed", () =>
  withStore(async ({ store, make }) => {
    const failed = store.make((place) => {
      Deno.writeTextFileSync(place.ram, "memory");
      return Promise.reject(new Error("no"));
    }, { wait: true });
    assertEquals(await failed.catch((error) => error.message), "no");
    assertEquals([...Deno.readDirSync(store.directory)].map(({ name }) => name), ["lock"]);
    const left = join(store.directory, "building-1");
    Deno.mkdirSync(left);
    assertEquals(await store.collectGarbage(), [left]);
    Deno.mkdirSync(left);
    await make();
    const names = [...Deno.readDirSync(store.directory)].map(({ name }) => name);
    assertEquals(names.sort(), [KEYS[0], "lock"]);
  }));

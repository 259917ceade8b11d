import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../../lib/failure.ts";
import { type PodRecord, PodStore } from "../../../lib/pod/mod.ts";

async function withStore(test: (store: PodStore) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test(new PodStore(root));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function record(id: string): PodRecord {
  return {
    version: 1,
    id,
    created: "2026-01-01T00:00:00Z",
    state: "ready",
    reason: null,
    owner: null,
    config: {
      hostname: id,
      memoryMiB: 256,
      vcpus: 1,
      network: { kind: "none" },
      share: "9p",
      kernel: null,
    },
    vm: null,
    proxy: null,
  };
}

Deno.test("a pod's record comes back as it was written, and nothing lies beside it", () =>
  withStore(async (store) => {
    const directory = await store.add("web");
    await store.writePod(record("web"));
    await store.writePod({ ...record("web"), state: "running" });
    assertEquals(await store.readPod("web"), { ...record("web"), state: "running" });
    assertEquals((await Deno.stat(directory.path)).mode! & 0o777, 0o700);
    assertEquals((await Deno.stat(directory.record)).mode! & 0o777, 0o600);
    const names = [...Deno.readDirSync(directory.path)].map(({ name }) => name).sort();
    assertEquals(names, ["pod.json", "shared"]);
  }));

Deno.test("a second pod of one name is refused, and the first one stays", () =>
  withStore(async (store) => {
    await store.add("web");
    await store.writePod(record("web"));
    await assertRejects(() => store.add("web"), Failure, "there is one of that name");
    assertEquals((await store.readPod("web")).id, "web");
  }));

Deno.test("a pod that is not there, a broken record and one of another version are told apart", () =>
  withStore(async (store) => {
    await assertRejects(() => store.readPod("web"), Failure, "Cannot find the pod web");
    const { record: path } = await store.add("web");
    await Deno.writeTextFile(path, "{");
    await assertRejects(() => store.readPod("web"), Failure, "Cannot read the record");
    await Deno.writeTextFile(path, '{"version":9}');
    await assertRejects(() => store.readPod("web"), Failure, "it is of version 9");
  }));

Deno.test("pods are listed in order of name, without the files beside them", () =>
  withStore(async (store) => {
    assertEquals(await store.list(), []);
    for (const id of ["b", "a", "c"]) await store.add(id);
    await Deno.writeTextFile(join(store.root, "pods", "note"), "");
    assertEquals(await store.list(), ["a", "b", "c"]);
    await store.remove("b");
    assertEquals(await store.list(), ["a", "c"]);
    await store.remove("b");
  }));

Deno.test("a pod's lock keeps a second holder out until it is let go", () =>
  withStore(async (store) => {
    const first = await store.lock("web", "exclusive");
    assertEquals(store.tryLock("web"), undefined);
    const waiting = store.lock("web", "shared");
    first.close();
    (await waiting).close();
    using again = store.tryLock("web");
    assertEquals(again?.closed, false);
  }));

Deno.test("locks of pods that are gone are removed, unless somebody is at work with one", () =>
  withStore(async (store) => {
    await store.add("here");
    for (const id of ["here", "gone"]) (await store.lock(id, "exclusive")).close();
    using _busy = await store.lock("coming", "exclusive");
    await store.removeSpareLocks();
    const left = [...Deno.readDirSync(join(store.root, "locks"))].map(({ name }) => name);
    assertEquals(left.sort(), ["coming", "here"]);
  }));

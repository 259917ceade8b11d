import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  countSpares,
  findTaker,
  isOffered,
  offerSpare,
  spareStore,
  takeSpare,
  withdrawSpare,
} from "../../../lib/pod/spares/spare_store.ts";
import { type PodDirectory, PodStore } from "../../../lib/pod/mod.ts";
import { identifyProcess, type ProcessIdentity } from "../../../lib/sys/mod.ts";

/** Stands for VM and keeper, which live. */
const ALIVE: ProcessIdentity = identifyProcess(Deno.pid)!;
/** No process has ever started at that time. */
const DEAD: ProcessIdentity = { ...ALIVE, startTime: 1 };

Deno.test("a spare that is taken has its VM's files in the pod's directory, and is nobody else's", () =>
  withRoot(async (root) => {
    const spare = await offer(root, "one", {});
    await Deno.writeTextFile(spare.file("qmp.sock"), "its monitor");
    await Deno.writeTextFile(spare.record, "what it was as a pod");
    assertEquals(await countSpares(root, "key"), 1);
    const [web, db] = await pods(root, "web", "db");
    assertEquals((await takeSpare(web!, "key"))?.vm.process, ALIVE);
    assertEquals(await Deno.readTextFile(web!.file("qmp.sock")), "its monitor");
    assertEquals(await names(spare.path), ["pod.json"]);
    assertEquals(await findTaker(root, spare.path), "web");
    assertEquals(await takeSpare(db!, "key"), undefined);
    assertEquals([await isOffered(spare), await withdrawSpare(spare)], [false, false]);
    assertEquals(await countSpares(root, "key"), 0);
  }));

Deno.test("of many pods that want a spare at once as many get one as there are", () =>
  withRoot(async (root) => {
    await offer(root, "one", {});
    await offer(root, "two", {});
    const wanting = await pods(root, "a", "b", "c", "d", "e");
    const taken = await Promise.all(wanting.map((each) => takeSpare(each, "key")));
    assertEquals(taken.filter((each) => each).length, 2);
  }));

Deno.test("nobody takes a spare of another shape, one that is dead, or one that nobody watches", () =>
  withRoot(async (root) => {
    await offer(root, "another", { key: "another" });
    await offer(root, "dead", { vm: DEAD });
    await offer(root, "unreachable", { proxy: DEAD });
    await offer(root, "unwatched", { keeper: DEAD });
    const [web] = await pods(root, "web");
    assertEquals(await takeSpare(web!, "key"), undefined);
    assertEquals(await countSpares(root, "key"), 0);
    assertEquals(await names(web!.path), ["shared"]);
  }));

Deno.test("a spare that is withdrawn is not taken", () =>
  withRoot(async (root) => {
    const spare = await offer(root, "one", {});
    assertEquals(await withdrawSpare(spare), true);
    const [web] = await pods(root, "web");
    assertEquals(await takeSpare(web!, "key"), undefined);
  }));

Deno.test("a pod that shares something already takes none", () =>
  withRoot(async (root) => {
    await offer(root, "one", {});
    const [web] = await pods(root, "web");
    await Deno.mkdir(join(web!.share, "container"));
    assertEquals(await takeSpare(web!, "key"), undefined);
    assertEquals(await countSpares(root, "key"), 1);
  }));

async function offer(
  root: string,
  id: string,
  { key = "key", vm = ALIVE, proxy = ALIVE, keeper = ALIVE },
): Promise<PodDirectory> {
  const directory = await spareStore(root).add(id);
  await offerSpare(directory, {
    version: 1,
    key,
    path: directory.path,
    vm: { process: vm, accelerator: "tcg", shareDaemon: null },
    proxy: { process: proxy, url: directory.proxyUrl, hostsShims: true },
    keeper,
  });
  return directory;
}

async function pods(root: string, ...ids: string[]): Promise<PodDirectory[]> {
  const store = new PodStore(root);
  return await Promise.all(ids.map((id) => store.add(id)));
}

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
}

async function withRoot(test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

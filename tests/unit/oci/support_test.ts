import { assert, assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { checkSupport, findUnsupported } from "../../../lib/oci/support.ts";
import { FULL_CONFIG } from "./full_config.ts";

const keysOf = (kind: string, config: unknown = FULL_CONFIG) =>
  findUnsupported(config).filter((each) => each.kind === kind).map(({ key }) => key);

Deno.test("of every key of the specification it is known what becomes of it", () => {
  assertEquals(keysOf("unknown"), []);
  assertEquals(keysOf("refused").toSorted(), [
    "linux.seccomp.listenerPath",
    "solaris",
    "windows",
    "zos",
  ]);
});

Deno.test("what is warned of or refused is in the table for users", async () => {
  const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
  const told = [...keysOf("warned"), ...keysOf("refused")];
  assertEquals(told.filter((key) => !readme.includes(`\`${key}\``)), []);
});

Deno.test("a key that says nothing is nobody's loss", () => {
  const config = {
    process: { apparmorProfile: "", selinuxLabel: null },
    solaris: {},
    linux: {
      mountLabel: "",
      intelRdt: {},
      resources: {
        memory: { kernel: -1, kernelTCP: 0, disableOOMKiller: false },
        network: { priorities: [] },
        rdma: {},
        blockIO: { weightDevice: [] },
      },
    },
    future: null,
  };
  assertEquals(findUnsupported(config), []);
});

Deno.test("a key that nobody knows is ignored, one of another system is refused", () => {
  assertEquals(findUnsupported({ future: { x: 1 }, linux: { later: 0, memoryPolicy: "x" } }), [
    { key: "future", kind: "unknown", why: "the specification does not have it" },
    { key: "linux.memoryPolicy", kind: "unknown", why: "the specification does not have it" },
  ]);
  checkSupport({ future: 1 });
  const { message } = assertThrows(
    () => checkSupport({ windows: { layerFolders: ["x"] } }),
    Failure,
  );
  assertEquals(message, "Cannot use windows of the bundle: it is for another system");
});

Deno.test("a key is told once, however often a list has it", () => {
  const found = findUnsupported({ mounts: [{ label: "x" }, { label: "y" }] });
  assertEquals(found.map(({ key }) => key), ["mounts.label"]);
  assert(found[0]!.kind === "unknown");
});

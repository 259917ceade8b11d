import { assert, assertEquals, assertThrows } from "@std/assert";
import { buildStage1 } from "../../../../lib/guest/image/stage1.ts";
import { isWholeElf } from "../../../../lib/guest/image/elf.ts";

const BASE = 0x400000;
const STAGE1 = buildStage1({
  modules: [{ name: "virtio", data: new TextEncoder().encode("the module") }],
  rootDevice: "/dev/vda",
  command: ["/bin/agent", "guest"],
  env: { A: "1", B: "2" },
  arch: "x86_64",
});

/** The system calls that the program makes: numbers, arguments as addresses or numbers, the text for a failure. */
function readTable(program: Uint8Array) {
  const view = new DataView(program.buffer);
  const calls = [];
  // The code is 84 bytes behind the 120 of the headers; the table is on the next multiple of 8.
  for (let at = 208; view.getBigInt64(at, true) >= 0n; at += 72) {
    const word = (index: number) => Number(view.getBigInt64(at + index * 8, true));
    calls.push({
      number: word(0),
      args: [1, 2, 3, 4, 5, 6].map(word),
      failure: new TextDecoder().decode(program.subarray(word(7) - BASE).subarray(0, word(8))),
    });
  }
  return calls;
}

function textAt(address: number): string {
  const from = address - BASE;
  return new TextDecoder().decode(STAGE1.subarray(from, STAGE1.indexOf(0, from)));
}

Deno.test("the first program is an ELF file that can be loaded", () => {
  assert(isWholeElf(STAGE1));
  assertEquals(new DataView(STAGE1.buffer).getUint16(18, true), 62);
});

Deno.test("it loads its modules, enters the root file system and becomes the agent", () => {
  const calls = readTable(STAGE1);
  const [load] = calls;
  assertEquals(load!.number, 175);
  assertEquals(load!.args[1], "the module".length);
  assertEquals(load!.failure, "podvisor: cannot load module virtio\n");
  assertEquals(textAt(load!.args[0]!).slice(0, 10), "the module");

  const root = calls.find((call) => call.failure === "podvisor: cannot mount /dev/vda\n")!;
  assertEquals(root.args.slice(0, 3).map(textAt), ["/dev/vda", "/root", "erofs"]);
  assertEquals(root.args[3], 1);

  const last = calls.at(-1)!;
  assertEquals(last.number, 59);
  assertEquals(textAt(last.args[0]!), "/bin/agent");
  const pointers = (address: number) => {
    const view = new DataView(STAGE1.buffer, address - BASE);
    const found: string[] = [];
    for (let at = 0; view.getBigInt64(at, true) !== 0n; at += 8) {
      found.push(textAt(Number(view.getBigInt64(at, true))));
    }
    return found;
  };
  assertEquals(pointers(last.args[1]!), ["/bin/agent", "guest"]);
  assertEquals(pointers(last.args[2]!), ["A=1", "B=2"]);
});

Deno.test("a step that fails is named on stderr, and the program ends with an error", async () => {
  // Here, outside a VM, the very first call is not permitted or has no sense.
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, STAGE1);
    Deno.chmodSync(path, 0o755);
    const { code, stderr } = await new Deno.Command(path).output();
    assertEquals(new TextDecoder().decode(stderr), "podvisor: cannot load module virtio\n");
    assertEquals(code, 1);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("an architecture without machine code is refused", () => {
  const options = { modules: [], rootDevice: "", command: ["/a"], env: {}, arch: "vax" };
  assertThrows(() => buildStage1(options), Error, "Cannot build a guest for vax");
});

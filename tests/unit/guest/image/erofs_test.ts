import { assert, assertEquals } from "@std/assert";
import { type ErofsNode, packErofs } from "../../../../lib/guest/image/erofs.ts";
import { FileTree } from "../../../../lib/guest/image/file_tree.ts";

const BLOCK = 4096;

Deno.test("a tree can be read back from its image", () => {
  const tree = new FileTree();
  tree.directory("/empty");
  tree.file("/bin/tool", new TextEncoder().encode("x".repeat(5000)), 0o755);
  tree.file("/etc/none", new Uint8Array());
  tree.root.entries.set("link", { kind: "symlink", target: "bin/tool" });
  assertEquals(readTree(packErofs(tree.root)), {
    "/": 0o040755,
    "/bin": 0o040755,
    "/bin/tool": "x".repeat(5000),
    "/empty": 0o040755,
    "/etc": 0o040755,
    "/etc/none": "",
    "/link": "bin/tool",
  });
});

Deno.test("names are sorted by their bytes across the blocks of a large directory", () => {
  const root: ErofsNode = { kind: "directory", entries: new Map() };
  for (let index = 999; index >= 0; index--) {
    root.entries.set(`name-${index}-\u00e9`, { kind: "file", data: new Uint8Array() });
  }
  const image = packErofs(root);
  const names = Object.keys(readTree(image)).slice(1);
  assertEquals(names.length, 1000);
  const sorted = names.toSorted((a, b) => (a < b ? -1 : 1));
  assertEquals(names, sorted);
});

Deno.test("the image is whole blocks, and equal for equal trees", () => {
  const pack = () => {
    const tree = new FileTree();
    tree.file("/a/b", new Uint8Array(1));
    return packErofs(tree.root);
  };
  assertEquals(pack().length % BLOCK, 0);
  assertEquals(pack(), pack());
});

/** Reads an image as the kernel does: fs/erofs/erofs_fs.h. Paths to modes of directories, content of all else. */
function readTree(image: Uint8Array): Record<string, number | string> {
  const view = new DataView(image.buffer, image.byteOffset);
  const decoder = new TextDecoder();
  assertEquals(view.getUint32(1024, true), 0xe0f5e1e2);
  assertEquals(view.getUint32(1024 + 36, true) * BLOCK, image.length);
  const metaAt = view.getUint32(1024 + 40, true) * BLOCK;
  const found: Record<string, number | string> = {};
  const visit = (nid: number, path: string) => {
    const at = metaAt + nid * 32;
    const mode = view.getUint16(at + 4, true);
    const content = image.subarray(view.getUint32(at + 16, true) * BLOCK)
      .subarray(0, view.getUint32(at + 8, true));
    if ((mode & 0o170000) !== 0o040000) {
      found[path] = decoder.decode(content);
      return;
    }
    found[path || "/"] = mode;
    let dots = 0;
    for (let start = 0; start < content.length; start += BLOCK) {
      const block = content.subarray(start, start + BLOCK);
      const entries = new DataView(block.buffer, block.byteOffset, block.length);
      const count = entries.getUint16(8, true) / 12;
      for (let index = 0; index < count; index++) {
        const from = entries.getUint16(index * 12 + 8, true);
        const to = index + 1 < count ? entries.getUint16(index * 12 + 20, true) : block.length;
        const name = decoder.decode(block.subarray(from, to)).replace(/\0.*/s, "");
        if (name === "." || name === "..") dots++;
        else visit(Number(entries.getBigUint64(index * 12, true)), `${path}/${name}`);
      }
    }
    assert(dots === 2);
  };
  visit(view.getUint16(1024 + 14, true), "");
  return found;
}

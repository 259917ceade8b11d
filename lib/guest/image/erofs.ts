import { roundUp } from "./bytes.ts";

/** A directory tree to be packed: names to nodes. */
export type ErofsNode =
  | { kind: "directory"; mode?: number; entries: Map<string, ErofsNode> }
  | { kind: "file"; mode?: number; data: Uint8Array }
  | { kind: "symlink"; target: string };

const BLOCK = 4096;
const BLOCK_BITS = 12;
/** struct erofs_super_block is at 1024; the inodes begin in the block after it. */
const SUPER_OFFSET = 1024;
const SUPER_MAGIC = 0xe0f5e1e2;
const META_BLOCK = 1;
/** struct erofs_inode_compact; an inode's number is its offset from the first inode, in these units. */
const INODE_SIZE = 32;
/** struct erofs_dirent: u64 nid, u16 nameoff, u8 file_type, u8 reserved. */
const DIRENT_SIZE = 12;
const TYPE_BITS = { directory: 0o040000, file: 0o100000, symlink: 0o120000 };
const DEFAULT_MODE = { directory: 0o755, file: 0o644, symlink: 0o777 };
const FILE_TYPE = { file: 1, directory: 2, symlink: 7 };

interface Inode {
  node: ErofsNode;
  nid: number;
  links: number;
  content: Uint8Array;
  block: number;
}

/**
 * Writes a read-only EROFS image, uncompressed, all owned by root, without times, so that equal input gives equal
 * bytes (on-disk format: fs/erofs/erofs_fs.h; "flat plain" layout with compact inodes). File data begins on block
 * boundaries.
 *
 * @param root a directory
 */
export function packErofs(root: ErofsNode): Uint8Array<ArrayBuffer> {
  const inodes: Inode[] = [];
  const numbers = new Map<ErofsNode, Inode>();
  number(root, inodes, numbers);
  fillDirectories(root, root, numbers);

  let block = META_BLOCK + Math.ceil((inodes.length + 1) * INODE_SIZE / BLOCK);
  for (const inode of inodes) {
    inode.block = block;
    block += Math.ceil(inode.content.length / BLOCK);
  }
  const image = new Uint8Array(block * BLOCK);
  writeSuperblock(image, numbers.get(root)!.nid, inodes.length, block);
  for (const inode of inodes) {
    writeInode(image, inode);
    image.set(inode.content, inode.block * BLOCK);
  }
  return image;
}

/** Gives every node its inode; number 0 is left out, because readdir's callers take it for no file. */
function number(node: ErofsNode, inodes: Inode[], numbers: Map<ErofsNode, Inode>): void {
  const inode: Inode = {
    node,
    nid: inodes.length + 1,
    links: 1,
    content: new Uint8Array(),
    block: 0,
  };
  inodes.push(inode);
  numbers.set(node, inode);
  if (node.kind === "file") inode.content = node.data;
  if (node.kind === "symlink") inode.content = new TextEncoder().encode(node.target);
  if (node.kind !== "directory") return;
  inode.links = 2 + [...node.entries.values()].filter((each) => each.kind === "directory").length;
  for (const child of node.entries.values()) number(child, inodes, numbers);
}

function fillDirectories(node: ErofsNode, parent: ErofsNode, numbers: Map<ErofsNode, Inode>): void {
  if (node.kind !== "directory") return;
  const entries = new Map<string, ErofsNode>([[".", node], ["..", parent], ...node.entries]);
  numbers.get(node)!.content = packDirectory(entries, numbers);
  for (const child of node.entries.values()) fillDirectories(child, node, numbers);
}

/** Blocks of entries followed by their names, sorted by the bytes of the name: the kernel searches by halving. */
function packDirectory(
  entries: ReadonlyMap<string, ErofsNode>,
  numbers: ReadonlyMap<ErofsNode, Inode>,
): Uint8Array {
  const sorted = [...entries]
    .map(([name, node]) => ({ name: new TextEncoder().encode(name), node }))
    .sort((a, b) => compareBytes(a.name, b.name));
  const blocks: (typeof sorted)[] = [];
  let used = BLOCK;
  for (const entry of sorted) {
    const size = DIRENT_SIZE + entry.name.length;
    if (used + size > BLOCK) {
      blocks.push([]);
      used = 0;
    }
    blocks.at(-1)!.push(entry);
    used += size;
  }
  const bytes = new Uint8Array((blocks.length - 1) * BLOCK + used);
  const view = new DataView(bytes.buffer);
  blocks.forEach((block, index) => {
    const start = index * BLOCK;
    let nameAt = block.length * DIRENT_SIZE;
    block.forEach(({ name, node }, position) => {
      const at = start + position * DIRENT_SIZE;
      view.setBigUint64(at, BigInt(numbers.get(node)!.nid), true);
      view.setUint16(at + 8, nameAt, true);
      view.setUint8(at + 10, FILE_TYPE[node.kind]);
      bytes.set(name, start + nameAt);
      nameAt += name.length;
    });
  });
  return bytes;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    if (a[at] !== b[at]) return a[at]! - b[at]!;
  }
  return a.length - b.length;
}

function writeSuperblock(image: Uint8Array, root: number, inodes: number, blocks: number): void {
  const view = new DataView(image.buffer, SUPER_OFFSET);
  view.setUint32(0, SUPER_MAGIC, true);
  view.setUint8(12, BLOCK_BITS);
  view.setUint16(14, root, true);
  view.setBigUint64(16, BigInt(inodes), true);
  view.setUint32(36, blocks, true);
  view.setUint32(40, META_BLOCK, true);
}

function writeInode(image: Uint8Array, { node, nid, links, content, block }: Inode): void {
  const view = new DataView(image.buffer, META_BLOCK * BLOCK + nid * INODE_SIZE, INODE_SIZE);
  const mode = node.kind === "symlink"
    ? DEFAULT_MODE.symlink
    : node.mode ?? DEFAULT_MODE[node.kind];
  view.setUint16(4, TYPE_BITS[node.kind] | mode, true);
  view.setUint16(6, links, true);
  view.setUint32(8, content.length, true);
  view.setUint32(16, block, true);
  view.setUint32(20, nid, true);
}

/** The image's size for a block device: whole 512-byte sectors, which whole blocks are. */
export function erofsSize(image: Uint8Array): number {
  return roundUp(image.length, BLOCK);
}

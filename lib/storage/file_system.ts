/** Where a kind of file system has its mark, and what it is. Several marks of one kind must all be there. */
const MARKS: readonly { type: string; at: number; bytes: readonly number[] }[] = [
  // ext4 mounts what ext2 and ext3 have made (linux/magic.h: EXT4_SUPER_MAGIC, in a superblock at 1024).
  { type: "ext4", at: 1024 + 0x38, bytes: [0x53, 0xef] },
  { type: "xfs", at: 0, bytes: [..."XFSB"].map((each) => each.charCodeAt(0)) },
  { type: "squashfs", at: 0, bytes: [..."hsqs"].map((each) => each.charCodeAt(0)) },
  { type: "erofs", at: 1024, bytes: [0xe2, 0xe1, 0xf5, 0xe0] },
];

/** Kinds that the built-in guest can mount. */
export const FILE_SYSTEMS: readonly string[] = MARKS.map(({ type }) => type);

/** What holds for every mark above. */
const HEAD_SIZE = 2048;

/**
 * The kind of file system on an image file or block device, by its superblock.
 *
 * @returns nothing when it is none of {@linkcode FILE_SYSTEMS}
 */
export async function detectFileSystem(path: string): Promise<string | undefined> {
  using file = await Deno.open(path);
  const head = new Uint8Array(HEAD_SIZE);
  let length = 0;
  for (let count; (count = await file.read(head.subarray(length)));) length += count;
  return MARKS.find(({ at, bytes }) =>
    at + bytes.length <= length && bytes.every((byte, index) => head[at + index] === byte)
  )?.type;
}

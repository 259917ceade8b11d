/** Root file systems and other storage of the host's. */
export { type BlockRoot, findBlockRoot } from "./block_root.ts";
export { busyboxRoot } from "./busybox_root.ts";
export { type BusyboxEntry, busyboxPrograms, busyboxTree } from "./busybox_tree.ts";
export { detectFileSystem, FILE_SYSTEMS } from "./file_system.ts";

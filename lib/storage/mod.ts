/** Root file systems and other storage of the host's. */
export { busyboxRoot } from "./busybox_root.ts";

/** Where the guest's image has the built-in root file system. */
export const BUSYBOX_ROOT = "/busybox";

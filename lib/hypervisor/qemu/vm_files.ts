import { join } from "@std/path";

/** Files of one VM. */
export interface VmFiles {
  /** Socket of the monitor (QMP). */
  monitor: string;
  console: string;
  pid: string;
  /** What QEMU itself has to say. */
  log: string;
  /** Socket by which the state of its devices leaves it. */
  save: string;
  /** Socket of the daemon that serves the share, if there is one, and what it has to say. */
  share: string;
  shareLog: string;
}

/** Where a VM's files are in its directory: names short, because a socket's path may have 107 bytes only. */
export function vmFiles(directory: string): VmFiles {
  return {
    monitor: join(directory, "qmp.sock"),
    console: join(directory, "console.log"),
    pid: join(directory, "qemu.pid"),
    log: join(directory, "qemu.log"),
    save: join(directory, "save.sock"),
    share: join(directory, "fs.sock"),
    shareLog: join(directory, "virtiofsd.log"),
  };
}

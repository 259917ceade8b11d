import { Failure } from "../../failure.ts";
import {
  identifyProcess,
  listenUnix,
  O_APPEND,
  O_CREAT,
  O_WRONLY,
  open,
  type ProcessIdentity,
  spawn,
} from "../../sys/mod.ts";
import { removeFile } from "../../small_file.ts";
import type { VmLaunch, VmShare } from "../hypervisor.ts";
import type { VmFiles } from "./vm_files.ts";

/** Where distributions put it: outside of PATH, since nobody starts it by hand. */
const PLACES = ["/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd"];

/** Descriptor on which it takes QEMU's connection. */
const LISTENER = 3;

/**
 * Starts the daemon that serves a share by virtio-fs, in a mount namespace of its own which the VM is to join. It takes
 * one connection, QEMU's, and ends with it.
 *
 * It is confined by chroot and its own seccomp filter, without a further mount namespace: what is attached to the
 * share later would not arrive there.
 *
 * @throws {Failure} when it is not installed
 */
export function startVirtiofsd(
  launch: VmLaunch,
  share: VmShare,
  files: VmFiles,
  program = findVirtiofsd(),
): ProcessIdentity {
  using log = open(files.shareLog, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  // A VM that has run in the same directory before has left one.
  removeFile(files.share);
  using listener = listenUnix(files.share);
  const pid = spawn({
    command: [
      program,
      `--fd=${LISTENER}`,
      ...["-o", `source=${share.path}`],
      ...["-o", "sandbox=chroot"],
      // What a name meant a moment ago may not hold: containers that are made again have the same ones.
      ...["-o", "cache=auto,timeout=0"],
      ...["-o", "xattr"],
      // Raising the limit may not be permitted.
      "--rlimit-nofile=0",
    ],
    env: {},
    descriptors: [null, log.number, log.number, listener.number],
    detached: true,
    dieWithParent: launch.dieWithParent,
    ownMounts: launch.mounts,
  });
  const process = identifyProcess(pid);
  if (process) return process;
  throw new Failure("Cannot start virtiofsd: it ended at once", { hint: `See ${files.shareLog}` });
}

/** @throws {Failure} when it is not there */
export function findVirtiofsd(places: readonly string[] = PLACES): string {
  const found = places.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (found !== undefined) return found;
  throw new Failure("Cannot share files by virtio-fs: virtiofsd is not installed", {
    hint: "Install it: apt-get install qemu-system-common, or use --share 9p",
  });
}

/** Initial file systems that carry one of the original guests, made from its program and the host's kernel. */
import { basename, join } from "@std/path";
import { type CpioEntry, packCpio } from "../../../lib/guest/image/cpio.ts";
import { type HostKernel, readOptional } from "../../../lib/guest/image/kernel.ts";
import { collectLibraries } from "../../../lib/guest/image/libraries.ts";
import { loadOrderOfAll, parseModuleIndex, readModule } from "../../../lib/guest/image/modules.ts";

/** The programs that play the part of a guest's process 1. */
export type OriginalGuest = "cc-agent" | "hyperstart";

/** What further programs a guest calls, and where it looks for them. */
const TOOLS: Record<OriginalGuest, readonly string[]> = { "cc-agent": ["/bin/ps"], hyperstart: [] };

/** C hyperstart prepares the machine itself, when it is called `init`. */
const START: Record<OriginalGuest, string> = {
  hyperstart: "exec /guest/init",
  // What systemd does for the Go agent. libcontainer of its time knows version 1 of control groups only.
  "cc-agent": `
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs cgroup /sys/fs/cgroup
for each in cpu cpuacct cpuset memory devices freezer blkio pids; do
  mkdir /sys/fs/cgroup/$each
  mount -t cgroup -o $each cgroup /sys/fs/cgroup/$each
done
ip link set lo up
exec /guest/cc-agent`,
};

/** Channels, share, disks and network; the Go agent's netlink library opens sockets of the last two kinds at once. */
const MODULES = [
  ...["virtio_pci", "virtio_console", "9pnet_virtio", "9p"],
  ...["virtio_blk", "virtio_scsi", "sd_mod", "ext4"],
  ...["virtio_net", "af_packet", "xfrm_user", "nfnetlink"],
];

/** Its root is a tmpfs: containers cannot be started on the one that the kernel has unpacked. */
const FIRST = `#!/bin/busybox sh
PATH=/bin
for each in /modules/*; do insmod $each; done
mkdir /new
mount -t tmpfs tmpfs /new
for each in /*; do case $each in /new|/modules) ;; *) cp -a $each /new;; esac; done
mkdir -p /new/proc /new/sys /new/dev /new/tmp /new/run
exec switch_root /new /second
`;

const APPLETS = [
  ...["sh", "mkdir", "mount", "cp", "insmod", "switch_root", "ip", "hwclock", "modprobe", "depmod"],
];

/** The bytes of the archive. */
export async function packOriginal(
  guest: OriginalGuest,
  program: string,
  kernel: HostKernel,
): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const add = (path: string, source: string) => {
    const bytes = Deno.readFileSync(source);
    files.set(path, bytes);
    for (const [library, data] of collectLibraries(bytes)) files.set(library, data);
  };
  add(`/guest/${guest === "hyperstart" ? "init" : guest}`, program);
  for (const tool of TOOLS[guest]) add(`/bin/${basename(tool)}`, tool);
  files.set("/bin/busybox", Deno.readFileSync("/bin/busybox"));
  files.set("/init", encode(FIRST));
  files.set("/second", encode(`#!/bin/busybox sh\nexport PATH=/bin\n${START[guest]}\n`));
  files.set("/etc/passwd", encode("root:x:0:0:root:/root:/bin/sh\n"));
  files.set("/etc/group", encode("root:x:0:\n"));
  const index = parseModuleIndex(
    Deno.readTextFileSync(join(kernel.modules, "modules.dep")),
    readOptional(join(kernel.modules, "modules.builtin")),
  );
  for (const [at, name] of loadOrderOfAll(index, MODULES, kernel.release).entries()) {
    const data = await readModule(kernel.modules, index, name);
    files.set(`/modules/${String(at).padStart(3, "0")}-${name}`, data);
  }
  return packCpio(entries(files));
}

function entries(files: ReadonlyMap<string, Uint8Array>): CpioEntry[] {
  const directories = new Set<string>(["dev"]);
  for (const path of files.keys()) {
    const parts = path.slice(1).split("/");
    for (let count = 1; count < parts.length; count++) {
      directories.add(parts.slice(0, count).join("/"));
    }
  }
  return [
    ...[...directories].sort().map((path): CpioEntry => ({ kind: "directory", path })),
    { kind: "character", path: "dev/console", major: 5, minor: 1 },
    ...[...files].map(([path, data]): CpioEntry => ({
      kind: "file",
      path: path.slice(1),
      mode: 0o755,
      data,
    })),
    ...APPLETS.map((name): CpioEntry => ({
      kind: "symlink",
      path: `bin/${name}`,
      target: "busybox",
    })),
  ];
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

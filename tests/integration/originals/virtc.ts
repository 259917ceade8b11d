import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually, PODVISOR } from "../../harness/podvisor.ts";
import { builtinGuest, VIRTC } from "./programs.ts";

const QEMU = "/usr/bin/qemu-system-x86_64";
const PLACE = "/usr/share/clear-containers";

/**
 * virtcontainers' command line in a mount namespace of its own, where the files that it takes for granted are
 * podvisor's: QEMU without KVM, which boots the built-in guest, and podvisor as proxy and shim.
 */
export class VirtcWorld implements AsyncDisposable {
  private constructor(readonly directory: string, readonly holder: Deno.ChildProcess) {}

  static async make(): Promise<VirtcWorld> {
    const directory = await Deno.makeTempDir({ prefix: "virtc-" });
    const { kernel, initrd, image, busybox } = await builtinGuest();
    const script = async (name: string, text: string) => {
      await Deno.writeTextFile(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    };
    const words = PODVISOR.map((word) => `'${word}'`).join(" ");
    await script("proxy", `exec ${words} proxy "$@"`);
    await script("shim", `exec ${words} shim "$@"`);
    await Deno.writeTextFile(join(directory, "real-qemu"), "");
    await script("qemu", qemuScript(directory, initrd, image));
    await Deno.mkdir(join(directory, "root/bin"), { recursive: true });
    await Deno.copyFile(busybox, join(directory, "root/bin/busybox"));
    for (const name of ["sh", "ls", "sleep", "echo", "cat"]) {
      await Deno.symlink("busybox", join(directory, "root/bin", name));
    }
    await script(
      "hold",
      `set -e
mkdir "$0.share"
mount -t tmpfs tmpfs "$0.share"
mkdir "$0.share/up" "$0.share/work"
mount -t overlay overlay -o lowerdir=/usr/share,upperdir="$0.share/up",workdir="$0.share/work" /usr/share
mkdir ${PLACE}
cp '${kernel}' ${PLACE}/vmlinuz.container
touch ${PLACE}/clear-containers.img
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount --bind ${QEMU} '${directory}/real-qemu'
mount --bind '${directory}/qemu' ${QEMU}
touch '${directory}/ready'
exec sleep 3600`,
    );
    const holder = new Deno.Command("unshare", {
      args: ["--mount", join(directory, "hold")],
      stdin: "null",
    }).spawn();
    const world = new VirtcWorld(directory, holder);
    await eventually(
      "the namespace of virtc",
      async () => await Deno.stat(join(directory, "ready")).catch(() => undefined),
    );
    return world;
  }

  /** Runs virtc and expects it to succeed. @returns the file that gets what it prints, and what the shim that it has started will */
  async virtc(...args: string[]): Promise<string> {
    // A file: the shims that it starts keep its output open.
    const output = join(this.directory, crypto.randomUUID());
    const { code } = await new Deno.Command("nsenter", {
      args: [
        ...["--mount", "--target", String(this.holder.pid)],
        ...["sh", "-c", 'exec "$@" >"$0" 2>&1', output, VIRTC!, ...args],
      ],
      stdin: "null",
    }).spawn().status;
    assertEquals(code, 0, `${args.join(" ")}: ${await Deno.readTextFile(output)}`);
    return output;
  }

  /** The command lines of what virtc has started, by pid. */
  async processes(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name) || Number(name) === this.holder.pid) continue;
      const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
      const started = line.includes(this.directory) || line.includes("/run/virtcontainers/pods/p/");
      if (started) found[name] = line.replaceAll("\0", " ");
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of Object.keys(await this.processes())) {
      try {
        Deno.kill(Number(pid), "SIGKILL");
      } catch {
        continue;
      }
    }
    this.holder.kill();
    await this.holder.status;
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Turns virtcontainers' arguments into some that work without KVM and that boot the built-in guest. */
function qemuScript(directory: string, initrd: string, image: string): string {
  return `left=$#
while [ $left -gt 0 ]; do
  case "$1 $2" in
    "-device nvdimm"*|"-object memory-backend-file"*|-realtime*|-global*|-rtc*)
      shift 2
      left=$((left - 2))
      continue ;;
  esac
  case $1 in
    pc,accel=kvm*) each=pc,accel=tcg ;;
    host,pmu=off) each=max ;;
    1,cores=1,*) each=1 ;;
    root=/dev/pmem0p1*) each='quiet panic=-1 cryptomgr.notests' ;;
    *) each=$1 ;;
  esac
  shift
  left=$((left - 1))
  set -- "$@" "$each"
done
export QEMU_MODULE_DIR=/usr/lib/x86_64-linux-gnu/qemu
exec '${directory}/real-qemu' -L /usr/share/qemu -L /usr/share/seabios "$@" -initrd '${initrd}' \\
  -drive 'if=none,id=root,format=raw,readonly=on,file.locking=off,file=${image}' \\
  -device virtio-blk-pci,drive=root`;
}

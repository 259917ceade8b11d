import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { guestPorts } from "../../../../lib/agent/mod.ts";
import type { VmShare } from "../../../../lib/hypervisor/mod.ts";
import { kernelCommandLine } from "../../../../lib/hypervisor/qemu/architecture.ts";
import { qemuArguments, type QemuOptions } from "../../../../lib/hypervisor/qemu/arguments.ts";
import { vmFiles } from "../../../../lib/hypervisor/qemu/vm_files.ts";

const SHARE: VmShare = { path: "/run/p/shared", tag: "hyperShared", kind: "9p" };

const OPTIONS: QemuOptions = {
  arch: "x86_64",
  accelerator: "tcg",
  boot: { kernel: "/c/vmlinux", initrd: "/c/initrd", image: "/c/root" },
  files: vmFiles("/run/p"),
  pod: {
    name: "web",
    memoryMiB: 256,
    maxMemoryMiB: 4096,
    vcpus: 2,
    maxVcpus: 8,
    ports: guestPorts({ directory: "/run/p" }),
    share: SHARE,
  },
  keepOwners: true,
};

/** The values of an option, in order. */
function values(args: string[], option: string): string[] {
  return args.flatMap((arg, index) => arg === option ? [args[index + 1]!] : []);
}

Deno.test("the kernel, its initramfs and its read-only root file system are given", () => {
  const args = qemuArguments(OPTIONS);
  assertEquals(values(args, "-kernel"), ["/c/vmlinux"]);
  assertEquals(values(args, "-initrd"), ["/c/initrd"]);
  const [drive] = values(args, "-drive");
  assert(drive!.includes("readonly=on") && drive!.endsWith("file=/c/root"));
});

Deno.test("the channels are ports of their names, and come before the monitor", () => {
  const args = qemuArguments(OPTIONS);
  const devices = values(args, "-device");
  assert(
    devices.some((each) =>
      each.endsWith("nr=1,chardev=charch0,id=channel0,name=sh.hyper.channel.0")
    ),
  );
  assert(
    devices.some((each) =>
      each.endsWith("nr=2,chardev=charch1,id=channel1,name=sh.hyper.channel.1")
    ),
  );
  assertEquals(values(args, "-chardev").slice(0, 3), [
    "socket,id=charch0,path=/run/p/ctl.sock,server=on,wait=off",
    "socket,id=charch1,path=/run/p/tty.sock,server=on,wait=off",
    "socket,id=monitor,path=/run/p/qmp.sock,server=on,wait=off",
  ]);
});

Deno.test("QEMU gives up what it does not need", () => {
  assertEquals(values(qemuArguments(OPTIONS), "-sandbox"), [
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
  ]);
});

Deno.test("the pod's size and share are its own", () => {
  const args = qemuArguments(OPTIONS);
  assertEquals(values(args, "-m"), ["256M,slots=8,maxmem=4096M"]);
  assertEquals(values(args, "-smp"), ["2,maxcpus=8"]);
  assertEquals(values(args, "-fsdev"), [
    "local,id=share,path=/run/p/shared,security_model=passthrough,multidevs=remap",
  ]);
});

Deno.test("a VM whose agent asks for nothing has neither ports nor a share", () => {
  const args = qemuArguments({ ...OPTIONS, pod: { ...OPTIONS.pod, ports: [], share: null } });
  assertEquals(values(args, "-fsdev"), []);
  assertEquals(values(args, "-device").filter((each) => /virtserialport|9p/.test(each)), []);
});

Deno.test("an ordinary user's share does not try to keep owners", () => {
  const [share] = values(qemuArguments({ ...OPTIONS, keepOwners: false }), "-fsdev");
  assert(share!.includes("security_model=none"));
});

Deno.test("commas in names and paths stay in them", () => {
  const pod = {
    ...OPTIONS.pod,
    name: "a,b",
    share: { ...SHARE, path: "/x,readonly=on" },
  };
  const args = qemuArguments({ ...OPTIONS, pod, boot: { ...OPTIONS.boot, image: "/a,b" } });
  assert(values(args, "-fsdev")[0]!.includes("path=/x,,readonly=on,"));
  assert(values(args, "-drive")[0]!.endsWith("file=/a,,b"));
  assert(values(args, "-name")[0]!.startsWith("podvisor-a,,b"));
});

Deno.test("there is a network card only where one is asked for", () => {
  assertEquals(values(qemuArguments(OPTIONS), "-netdev"), []);
  const pod = { ...OPTIONS.pod, network: { user: { ports: [] }, cards: [], namespace: null } };
  assertEquals(values(qemuArguments({ ...OPTIONS, pod }), "-netdev"), ["user,id=net-user"]);
});

Deno.test("the local timer is done without only where it is emulated and alone", () => {
  assert(kernelCommandLine("x86_64", "tcg", 1).includes("noapictimer"));
  assert(!kernelCommandLine("x86_64", "tcg", 2).includes("noapictimer"));
  assert(!kernelCommandLine("x86_64", "kvm", 1).includes("noapictimer"));
});

Deno.test("a guest that runs on the real processor keeps its protections", () => {
  const line = kernelCommandLine("x86_64", "kvm", 1);
  assert(!/mitigations=off|rodata=off/.test(line));
});

Deno.test("the kernel tells what it does where somebody looks at the console", () => {
  const lineOf = (consoleWatched: boolean) =>
    values(qemuArguments({ ...OPTIONS, pod: { ...OPTIONS.pod, consoleWatched } }), "-append")[0]!;
  assertMatch(lineOf(true), / quiet .* loglevel=7$/);
  assert(!lineOf(false).includes("loglevel"));
});

Deno.test("an architecture without settings is refused", () => {
  assertThrows(() => qemuArguments({ ...OPTIONS, arch: "vax" }), Error, "Cannot run VMs on vax");
});

Deno.test("disks can be plugged in: there is a bus for them and a SCSI controller", () => {
  const devices = values(qemuArguments(OPTIONS), "-device");
  const [bridge] = devices.filter((each) => each.startsWith("pci-bridge,id=hotplug,"));
  assert(bridge!.includes("mem-reserve=1M"), "without room of its own it takes no device");
  assert(devices.includes("virtio-scsi-pci,id=scsi0"));
});

Deno.test("a share by virtio-fs is a daemon's that works in the VM's memory, and there is no 9p", () => {
  const pod = { ...OPTIONS.pod, share: { ...SHARE, kind: "virtiofs" as const } };
  const args = qemuArguments({ ...OPTIONS, pod });
  assertEquals(values(args, "-machine"), ["q35,memory-backend=ram"]);
  assertEquals(values(args, "-object"), ["memory-backend-memfd,id=ram,size=256M,share=on"]);
  assert(values(args, "-chardev").includes("socket,id=share,path=/run/p/fs.sock"));
  assert(values(args, "-device").includes("vhost-user-fs-pci,chardev=share,tag=hyperShared"));
  assertEquals(values(args, "-fsdev"), []);
});

Deno.test("a guest of somebody else's boots from what it has, and its disk is not written to", () => {
  const boot = (initrd: string | null, image: string | null) =>
    qemuArguments({ ...OPTIONS, boot: { foreign: true, kernel: "/k", initrd, image } });
  const initial = boot("/i", null);
  assertEquals([values(initial, "-initrd"), values(initial, "-drive")], [["/i"], []]);
  assert(!values(initial, "-append")[0]!.includes("root="));
  const disk = boot(null, "/d");
  assertEquals(values(disk, "-initrd"), []);
  assert(values(disk, "-append")[0]!.endsWith("root=/dev/vda rw"));
  const [drive] = values(disk, "-drive");
  assert(drive!.includes("snapshot=on") && drive!.endsWith("file=/d"));
});

Deno.test("a switch works in the VM's memory", () => {
  const card = { kind: "vhost-user" as const, id: "a", socket: "/s", mac: "02::1" };
  const network = { user: null, cards: [], passed: [card], namespace: null };
  const args = qemuArguments({ ...OPTIONS, pod: { ...OPTIONS.pod, network } });
  assertEquals(values(args, "-machine"), ["q35,memory-backend=ram"]);
  assertEquals(values(args, "-object"), ["memory-backend-memfd,id=ram,size=256M,share=on"]);
});

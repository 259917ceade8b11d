import { assert, assertEquals, assertThrows } from "@std/assert";
import { kernelCommandLine } from "../../../../lib/hypervisor/qemu/architecture.ts";
import { qemuArguments, type QemuOptions } from "../../../../lib/hypervisor/qemu/arguments.ts";
import { vmFiles } from "../../../../lib/hypervisor/qemu/vm_files.ts";

const OPTIONS: QemuOptions = {
  arch: "x86_64",
  accelerator: "tcg",
  boot: { kernel: "/c/vmlinux", initrd: "/c/initrd", image: "/c/root" },
  files: vmFiles("/run/p"),
  pod: {
    name: "web",
    memoryMiB: 256,
    vcpus: 2,
    share: { path: "/run/p/shared", tag: "hyperShared" },
    userNetwork: false,
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
  assert(devices.some((each) => each.includes("chardev=control,name=sh.hyper.channel.0")));
  assert(devices.some((each) => each.includes("chardev=stream,name=sh.hyper.channel.1")));
  assertEquals(values(args, "-chardev").slice(0, 3), [
    "socket,id=control,path=/run/p/ctl.sock,server=on,wait=off",
    "socket,id=stream,path=/run/p/tty.sock,server=on,wait=off",
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
  assertEquals(values(args, "-m"), ["256M"]);
  assertEquals(values(args, "-smp"), ["2"]);
  assertEquals(values(args, "-fsdev"), [
    "local,id=share,path=/run/p/shared,security_model=passthrough,multidevs=remap",
  ]);
});

Deno.test("an ordinary user's share does not try to keep owners", () => {
  const [share] = values(qemuArguments({ ...OPTIONS, keepOwners: false }), "-fsdev");
  assert(share!.includes("security_model=none"));
});

Deno.test("commas in names and paths stay in them", () => {
  const pod = { ...OPTIONS.pod, name: "a,b", share: { path: "/x,readonly=on", tag: "t" } };
  const args = qemuArguments({ ...OPTIONS, pod, boot: { ...OPTIONS.boot, image: "/a,b" } });
  assert(values(args, "-fsdev")[0]!.includes("path=/x,,readonly=on,"));
  assert(values(args, "-drive")[0]!.endsWith("file=/a,,b"));
  assert(values(args, "-name")[0]!.startsWith("podvisor-a,,b"));
});

Deno.test("there is a network card only where one is asked for", () => {
  assertEquals(values(qemuArguments(OPTIONS), "-netdev"), []);
  const pod = { ...OPTIONS.pod, userNetwork: true };
  assertEquals(values(qemuArguments({ ...OPTIONS, pod }), "-netdev"), ["user,id=net"]);
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

Deno.test("an architecture without settings is refused", () => {
  assertThrows(() => qemuArguments({ ...OPTIONS, arch: "vax" }), Error, "Cannot run VMs on vax");
});

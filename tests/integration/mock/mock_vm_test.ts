import { assertEquals } from "@std/assert";
import { HypervisorByKind, type VmLaunch } from "../../../lib/hypervisor/mod.ts";
import { isAlive, signalProcess } from "../../../lib/sys/mod.ts";

// The library of system calls stays open: it is loaded before a test could be blamed for it.
signalProcess(Deno.pid, 0);

const QEMU = {
  launch: () => Promise.reject(new Error("asked QEMU")),
  attach: () => {
    throw new Error("asked QEMU");
  },
};

async function launchIn(directory: string): Promise<VmLaunch> {
  const path = `${directory}/shared`;
  await Deno.mkdir(path);
  return {
    kind: "mock",
    name: "p",
    directory,
    memoryMiB: 512,
    vcpus: 1,
    ports: [],
    share: { path, tag: "tag", kind: "9p" },
    mounts: path,
    dieWithParent: true,
  };
}

Deno.test("a VM without a machine is a process that can be found again, grown and ended", async () => {
  const directory = await Deno.makeTempDir();
  const hypervisor = new HypervisorByKind(QEMU);
  const vm = await hypervisor.launch(await launchIn(directory));
  const { process, accelerator } = vm;
  const same = hypervisor.attach({ kind: "mock", process, accelerator, directory });
  await same.addVcpus(2);
  await same.addMemory(128);
  await same.addBlockDevice({ driver: "virtio-blk", index: 0, path: "/x", readOnly: true });
  await vm.removeBlockDevice({ driver: "virtio-blk", index: 0 });
  const queue = { queues: [], vhost: [], mac: "02:00:00:00:00:01", mtu: 1500 };
  await same.addNetworkCard({ id: "a", ...queue });
  await same.addUserNetwork({ ports: [] });
  await vm.removeNetworkCard("a");
  assertEquals(await vm.resources(), { vcpus: 3, maxVcpus: 240, memoryMiB: 640 });
  await vm.pause();
  await vm.resume();
  assertEquals(isAlive(process), true);
  const { ended } = vm;
  await vm.kill();
  assertEquals(await ended, { reason: "the mock VM's process ended", console: [] });
  assertEquals(isAlive(process), false);
  await Deno.remove(directory, { recursive: true });
});

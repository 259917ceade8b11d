import { assertEquals, assertNotEquals } from "@std/assert";
import {
  sizeClass,
  templateKey,
  whyNoTemplate,
} from "../../../../../lib/hypervisor/qemu/templates/shape.ts";
import { vmFiles } from "../../../../../lib/hypervisor/qemu/vm_files.ts";
import type { BootImage, QemuOptions } from "../../../../../lib/hypervisor/qemu/arguments.ts";

/** Of a VM that boots files of a directory. */
function optionsIn(directory: string): QemuOptions & { boot: BootImage } {
  const file = (name: string) => {
    Deno.writeTextFileSync(`${directory}/${name}`, name);
    return `${directory}/${name}`;
  };
  return {
    arch: "x86_64",
    accelerator: "tcg",
    boot: { kernel: file("kernel"), initrd: file("initrd"), image: file("image") },
    files: vmFiles("/run/pods/a"),
    pod: {
      name: "a",
      memoryMiB: 512,
      maxMemoryMiB: 4096,
      vcpus: 1,
      maxVcpus: 8,
      ports: [{ deviceId: "d", backendId: "b", hostPath: "/run/pods/a/ctl", name: "n" }],
      share: { path: "/run/pods/a/shared", tag: "t", kind: "9p" },
      network: { user: null, cards: [], namespace: null },
    },
    keepOwners: true,
  };
}

Deno.test("a template's key is the same for all pods of a shape, and another for any other", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const options = optionsIn(directory);
    const { pod } = options;
    const binary = options.boot.kernel;
    const key = await templateKey(binary, options);
    const twin = {
      ...pod,
      name: "b",
      ports: pod.ports.map((port) => ({ ...port, hostPath: "/elsewhere" })),
      share: { ...pod.share!, path: "/other" },
    };
    assertEquals(
      await templateKey(binary, { ...options, files: vmFiles("/x"), pod: twin }),
      key,
    );
    const user = { ports: [] };
    const others: Promise<string>[] = [
      templateKey(options.boot.image, options),
      templateKey(binary, { ...options, accelerator: "kvm" }),
      templateKey(binary, { ...options, keepOwners: false }),
      templateKey(binary, { ...options, pod: { ...pod, memoryMiB: 256 } }),
      templateKey(binary, { ...options, pod: { ...pod, maxMemoryMiB: 8192 } }),
      templateKey(binary, { ...options, pod: { ...pod, vcpus: 2 } }),
      templateKey(binary, { ...options, pod: { ...pod, maxVcpus: 9 } }),
      templateKey(binary, { ...options, pod: { ...pod, network: { ...pod.network!, user } } }),
    ];
    for (const other of await Promise.all(others)) assertNotEquals(other, key);
    Deno.writeTextFileSync(options.boot.image, "another");
    assertNotEquals(await templateKey(binary, options), key);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("VMs start with what their class has, and get the rest in whole blocks", () => {
  const sizes = [[160, 1], [512, 4], [600, 1], [1024, 2], [1000, 1]] as const;
  assertEquals(
    sizes.map(([memoryMiB, vcpus]) => sizeClass({ memoryMiB, vcpus }).memoryMiB),
    [160, 512, 600, 512, 616],
  );
  assertEquals(sizeClass({ memoryMiB: 512, vcpus: 4 }).vcpus, 1);
});

Deno.test("pods with other guests, and those that share by virtio-fs, have no templates", () => {
  const launch = { share: { path: "/s", tag: "t", kind: "9p" } } as never;
  assertEquals(whyNoTemplate(launch), undefined);
  const virtiofs = { share: { path: "/s", tag: "t", kind: "virtiofs" } } as never;
  assertEquals(whyNoTemplate(virtiofs), "its files are shared by virtio-fs");
  assertEquals(whyNoTemplate({ boot: { foreign: true } } as never), "it boots another guest");
});

import { assertEquals, assertNotEquals } from "@std/assert";
import {
  networkKind,
  shapeOf,
  sizeClass,
  templateKey,
  whyNoTemplate,
} from "../../../../../lib/hypervisor/qemu/templates/shape.ts";
import { vmFiles } from "../../../../../lib/hypervisor/qemu/vm_files.ts";
import type { VmCard, VmLaunch } from "../../../../../lib/hypervisor/hypervisor.ts";
import type { BootImage, QemuOptions } from "../../../../../lib/hypervisor/qemu/arguments.ts";

const CARD: VmCard = { id: "first", queues: [20], vhost: [], mac: "02:00:00:00:00:01", mtu: null };

function withCard(options: ReturnType<typeof optionsIn>, card: VmCard): typeof options {
  const network = { user: null, cards: [card], namespace: null };
  return { ...options, pod: { ...options.pod, network } };
}

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
      templateKey(binary, withCard(options, CARD)),
    ];
    for (const other of await Promise.all(others)) assertNotEquals(other, key);
    Deno.writeTextFileSync(options.boot.image, "another");
    assertNotEquals(await templateKey(binary, options), key);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("all cards of a pod's shape have one key, but for those whose frames the kernel moves", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const options = optionsIn(directory);
    const keyOf = (card: VmCard) => templateKey(options.boot.kernel, withCard(options, card));
    const key = await keyOf(CARD);
    assertEquals(
      await keyOf({ ...CARD, id: "other", queues: [30], mac: "02:00:00:00:00:02" }),
      key,
    );
    assertNotEquals(await keyOf({ ...CARD, vhost: [31] }), key);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("the first card of a VM with one processor is in its template, whatever its MTU", () => {
  const cards = [{ ...CARD, mtu: 9000 }, { ...CARD, id: "second", mtu: 1400 }];
  const launch = {
    memoryMiB: 512,
    vcpus: 1,
    network: { user: null, cards, namespace: null },
  } as unknown as VmLaunch;
  const shape = shapeOf(launch);
  assertEquals(shape.network!.cards, [{ ...CARD, mtu: null }]);
  assertEquals(networkKind(shape), "card");
  const plain = [
    shapeOf({ ...launch, vcpus: 2 }),
    shapeOf({ ...launch, network: { ...launch.network!, cards: [] } }),
  ];
  assertEquals(plain.map(networkKind), ["none", "none"]);
  assertEquals(
    networkKind({ ...launch, network: { user: { ports: [] }, cards: [], namespace: null } }),
    "user",
  );
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
  assertEquals(
    whyNoTemplate({ consoleWatched: true } as never),
    "its console is looked at from the boot on",
  );
});

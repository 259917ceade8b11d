import type { TemplateDetails, VmLaunch, VmNetwork } from "../../hypervisor.ts";
import { type BootImage, qemuArguments, type QemuOptions } from "../arguments.ts";
import { vmFiles } from "../vm_files.ts";
import { hashOf } from "./manifest.ts";
import { describeFile } from "./saved_file.ts";

/** The kernel adds memory in blocks of this size, in MiB. */
const MEMORY_BLOCK = 128;
/** VMs with more memory than this start with no more than this and a part of a block; the rest is added. */
const CLASS_MEMORY = 512;

/** What the templates of a VM have; what it has beyond that is plugged in after it has been restored. */
export interface SizeClass {
  memoryMiB: number;
  vcpus: number;
}

/** The class of a VM's size. */
export function sizeClass({ memoryMiB }: SizeClass): SizeClass {
  const part = memoryMiB % MEMORY_BLOCK;
  return { memoryMiB: Math.min(memoryMiB, CLASS_MEMORY + part), vcpus: 1 };
}

/**
 * A VM as its template is. The first network card of one with a single processor is in it, with what any such card has;
 * those of more processors have a queue for each, and are plugged in like further ones.
 */
export function shapeOf(launch: VmLaunch): VmLaunch {
  const { network, vcpus } = launch;
  const cards = vcpus === 1 ? network?.cards.slice(0, 1) ?? [] : [];
  return {
    ...launch,
    ...sizeClass(launch),
    ...network
      ? { network: { ...network, cards: cards.map((card) => ({ ...card, mtu: null })) } }
      : {},
  };
}

/** What networks the VMs of a shape are made for. */
export function networkKind({ network }: VmLaunch): TemplateDetails["network"] {
  if (network?.user) return "user";
  return network?.cards.length ? "card" : "none";
}

/** Why a VM cannot be restored from a template; nothing when it can. */
export function whyNoTemplate(launch: VmLaunch): string | undefined {
  const { boot, share, network, consoleWatched } = launch;
  if (boot) return "it boots another guest";
  if (share?.kind === "virtiofs") return "its files are shared by virtio-fs";
  if (network?.passed?.length) return "it has a card of the host, or of a switch";
  if (consoleWatched) return "its console is looked at from the boot on";
  return undefined;
}

/**
 * The key of the templates that a VM can be restored from: all that shapes its machine and what runs in it, and nothing
 * that is one pod's own.
 *
 * @param binary QEMU's program
 */
export async function templateKey(
  binary: string,
  options: QemuOptions & { boot: BootImage },
): Promise<string> {
  const { pod, boot, accelerator } = options;
  const args = qemuArguments({
    ...options,
    files: vmFiles("/"),
    ram: { path: "/ram", shared: false },
    pod: {
      ...pod,
      name: "",
      ports: pod.ports.map((port) => ({ ...port, hostPath: "/" })),
      share: pod.share && { ...pod.share, path: "/" },
      ...pod.network ? { network: anyNetwork(pod.network) } : {},
    },
  });
  const files = [binary, boot.kernel, boot.initrd, boot.image].map((path) => [
    path,
    describeFile(path),
  ]);
  const processor = accelerator === "kvm" ? hostProcessor() : "";
  return await hashOf(JSON.stringify({ args, files, processor }));
}

/** A network without what is one pod's own. Whether the host's kernel moves the frames shapes the card. */
function anyNetwork({ user, cards, ...rest }: VmNetwork): VmNetwork {
  return {
    ...rest,
    user: user && { ports: [] },
    cards: cards.map((card) => ({ ...card, id: "", mac: "" })),
  };
}

/** What a VM sees of the host's processor, and the kernel that shows it. */
function hostProcessor(): string {
  const [first = ""] = Deno.readTextFileSync("/proc/cpuinfo").split("\n\n");
  const facts = first.split("\n").filter((line) =>
    /^(vendor_id|cpu family|model|stepping|microcode|flags)/.test(line)
  );
  return [...facts, Deno.osRelease()].join("\n");
}

import type { AcceleratorKind } from "../accelerator.ts";
import {
  type ForwardedPort,
  type PassedCard,
  USER_CARD,
  type VmCard,
  type VmNetwork,
} from "../hypervisor.ts";
import { HOTPLUG_BUS } from "./buses.ts";

/** The first descriptor after stdin, stdout and stderr. */
const FIRST_DESCRIPTOR = 3;
/** The guest's address behind QEMU's own gateway. */
const USER_ADDRESS = "10.0.2.15";

/** Properties of one of QEMU's devices, `driver` among them. */
type Device = Record<string, string | number | boolean>;

/** QEMU's arguments for a VM's network; taps are there as descriptors, in {@linkcode networkDescriptors}' order. */
export function networkArguments(
  { user, cards, passed = [] }: VmNetwork,
  accelerator: AcceleratorKind,
): string[] {
  let next = FIRST_DESCRIPTOR;
  const take = (count: number) => Array.from({ length: count }, () => next++).join(":");
  const args = cards.flatMap((card) => {
    const backend = [`tap,id=${backendName(card.id)},fds=${take(card.queues.length)}`];
    if (card.vhost.length > 0) backend.push(`vhost=on,vhostfds=${take(card.vhost.length)}`);
    return ["-netdev", backend.join(","), "-device", asArgument(tapDevice(card))];
  });
  args.push(...passed.flatMap((card) => passedArguments(card, accelerator)));
  if (!user) return args;
  const backend = [`user,id=${backendName(USER_CARD)}`, ...user.ports.map(hostForward)];
  return [...args, "-netdev", backend.join(",hostfwd="), "-device", asArgument(userDevice())];
}

/** A card of the host is on the first bus, where the firmware finds it room of any size. */
function passedArguments(card: PassedCard, accelerator: AcceleratorKind): string[] {
  const { id } = card;
  if (card.kind === "physical") {
    return ["-device", asArgument({ driver: "vfio-pci", id: deviceName(id), host: card.address })];
  }
  const socket = `switch-${id}`;
  // Without KVM QEMU 7.2 ends by SIGSEGV when a guest gives such a card message-signalled interrupts.
  const interrupts = accelerator === "kvm" ? {} : { vectors: 0 };
  return [
    ...["-chardev", `socket,id=${socket},path=${card.socket.replaceAll(",", ",,")}`],
    ...["-netdev", `vhost-user,id=${backendName(id)},chardev=${socket}`],
    ...["-device", asArgument({ ...device(id), mac: card.mac, ...interrupts })],
  ];
}

/** What QEMU is to have from descriptor 3 on. */
export function networkDescriptors({ cards }: VmNetwork): number[] {
  return cards.flatMap(({ queues, vhost }) => [...queues, ...vhost]);
}

/** QEMU's names of a card, and of what its frames go through. */
export function deviceName(id: string): string {
  return `card-${id}`;
}

export function backendName(id: string): string {
  return `net-${id}`;
}

/** The card whose frames go through a tap. */
export function tapDevice({ id, queues, mac, mtu }: VmCard): Device {
  // An interrupt for each direction of each queue, one for changes, one for the control queue.
  const many = queues.length > 1 ? { mq: true, vectors: 2 * queues.length + 2 } : {};
  return { ...device(id), mac, ...mtu === null ? {} : { host_mtu: mtu }, ...many };
}

/** The card behind QEMU's gateway. */
export function userDevice(): Device {
  return device(USER_CARD);
}

/** A port of the host that leads to one of the guest, in QEMU's words. */
export function hostForward({ protocol, address, port, guestPort }: ForwardedPort): string {
  return `${protocol}:${address}:${port}-${USER_ADDRESS}:${guestPort}`;
}

/**
 * On the bus that devices can leave again. Nothing boots from the network: the card needs no ROM. Nor is the guest to
 * tell its neighbours of itself after a restore: it is another one than was saved.
 */
function device(id: string): Device {
  return {
    driver: "virtio-net-pci",
    id: deviceName(id),
    netdev: backendName(id),
    bus: HOTPLUG_BUS,
    romfile: "",
    // Else QEMU 7.2 ends by SIGSEGV when a restored guest resets the card, after a restore that is not announced.
    guest_announce: false,
  };
}

function asArgument({ driver, ...properties }: Device): string {
  const texts = Object.entries(properties).map(([name, value]) =>
    `${name}=${typeof value === "boolean" ? (value ? "on" : "off") : value}`
  );
  return [driver, ...texts].join(",");
}

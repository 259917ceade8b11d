import type { VmCard, VmNetwork } from "../hypervisor.ts";

/** The first descriptor after stdin, stdout and stderr. */
const FIRST_DESCRIPTOR = 3;
/** The guest's address behind QEMU's own gateway. */
const USER_ADDRESS = "10.0.2.15";

/** QEMU's arguments for a VM's network; taps are there as descriptors, in {@linkcode networkDescriptors}' order. */
export function networkArguments({ user, cards }: VmNetwork): string[] {
  let next = FIRST_DESCRIPTOR;
  const take = (count: number) => Array.from({ length: count }, () => next++).join(":");
  const args = cards.flatMap((card, at) => cardArguments(card, `net${at}`, take));
  if (!user) return args;
  const forwards = user.ports.map(({ protocol, address, port, guestPort }) =>
    `,hostfwd=${protocol}:${address}:${port}-${USER_ADDRESS}:${guestPort}`
  );
  const backend = `user,id=net${forwards.join("")}`;
  return [...args, "-netdev", backend, "-device", "virtio-net-pci,netdev=net,romfile="];
}

/** What QEMU is to have from descriptor 3 on. */
export function networkDescriptors({ cards }: VmNetwork): number[] {
  return cards.flatMap(({ queues, vhost }) => [...queues, ...vhost]);
}

function cardArguments(
  { queues, vhost, mac, mtu }: VmCard,
  id: string,
  take: (count: number) => string,
): string[] {
  const backend = [`tap,id=${id},fds=${take(queues.length)}`];
  if (vhost.length > 0) backend.push(`vhost=on,vhostfds=${take(vhost.length)}`);
  const device = [`virtio-net-pci,netdev=${id},mac=${mac},host_mtu=${mtu},romfile=`];
  // An interrupt for each direction of each queue, one for changes, one for the control queue.
  if (queues.length > 1) device.push(`mq=on,vectors=${2 * queues.length + 2}`);
  return ["-netdev", backend.join(","), "-device", device.join(",")];
}

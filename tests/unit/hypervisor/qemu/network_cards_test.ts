import { assert, assertEquals } from "@std/assert";
import {
  networkArguments,
  networkDescriptors,
} from "../../../../lib/hypervisor/qemu/network_cards.ts";

const NONE = { user: null, cards: [], namespace: null };

Deno.test("ports of the host are forwarded to the guest's address behind QEMU", () => {
  const ports = [
    { protocol: "tcp" as const, address: "0.0.0.0", port: 8080, guestPort: 80 },
    { protocol: "udp" as const, address: "127.0.0.1", port: 53, guestPort: 5353 },
  ];
  assertEquals(
    networkArguments({ ...NONE, user: { ports } }, "kvm")[1],
    [
      "user,id=net-user",
      "hostfwd=tcp:0.0.0.0:8080-10.0.2.15:80",
      "hostfwd=udp:127.0.0.1:53-10.0.2.15:5353",
    ].join(","),
  );
});

Deno.test("each card has the descriptors that are passed for it, from 3 on", () => {
  const cards = [
    { id: "a", queues: [20, 21], vhost: [30, 31], mac: "02:00:00:00:00:01", mtu: 1400 },
    { id: "b", queues: [22], vhost: [], mac: "02:00:00:00:00:02", mtu: 9000 },
  ];
  assertEquals(networkDescriptors({ ...NONE, cards }), [20, 21, 30, 31, 22]);
  assertEquals(networkArguments({ ...NONE, cards }, "kvm"), [
    ...["-netdev", "tap,id=net-a,fds=3:4,vhost=on,vhostfds=5:6"],
    "-device",
    "virtio-net-pci,id=card-a,netdev=net-a,bus=hotplug,romfile=,guest_announce=off,mac=02:00:00:00:00:01," +
    "host_mtu=1400,mq=on,vectors=6",
    ...["-netdev", "tap,id=net-b,fds=7"],
    "-device",
    "virtio-net-pci,id=card-b,netdev=net-b,bus=hotplug,romfile=,guest_announce=off,mac=02:00:00:00:00:02," +
    "host_mtu=9000",
  ]);
});

Deno.test("a card that is to fit any MTU tells its guest none", () => {
  const card = { id: "a", queues: [20], vhost: [], mac: "02:00:00:00:00:01", mtu: null };
  assertEquals(
    networkArguments({ ...NONE, cards: [card] }, "tcg")[3],
    "virtio-net-pci,id=card-a,netdev=net-a,bus=hotplug,romfile=,guest_announce=off," +
      "mac=02:00:00:00:00:01",
  );
});

Deno.test("cards of the host are passed by address, those before switches by socket", () => {
  const passed = [
    { kind: "physical" as const, id: "pass3", address: "0000:01:00.0" },
    { kind: "vhost-user" as const, id: "pass4", socket: "/tmp/a,b/vhu.sock", mac: "02::1" },
  ];
  assertEquals(networkArguments({ ...NONE, passed }, "kvm"), [
    ...["-device", "vfio-pci,id=card-pass3,host=0000:01:00.0"],
    ...["-chardev", "socket,id=switch-pass4,path=/tmp/a,,b/vhu.sock"],
    ...["-netdev", "vhost-user,id=net-pass4,chardev=switch-pass4"],
    "-device",
    "virtio-net-pci,id=card-pass4,netdev=net-pass4,bus=hotplug,romfile=,guest_announce=off,mac=02::1",
  ]);
  assert(networkArguments({ ...NONE, passed }, "tcg").at(-1)!.endsWith(",vectors=0"));
  assertEquals(networkDescriptors({ ...NONE, passed }), []);
});

Deno.test("a VM without cards is not told of any", () => {
  assertEquals(networkArguments(NONE, "kvm"), []);
  assertEquals(networkDescriptors(NONE), []);
});

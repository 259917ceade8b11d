import { assertEquals, assertRejects } from "@std/assert";
import { Deletions } from "../../../../lib/hypervisor/qemu/deletions.ts";
import {
  plugCard,
  plugUserNetwork,
  unplugCard,
} from "../../../../lib/hypervisor/qemu/plug_card.ts";
import { refusal, withMonitor } from "./scripted_monitor.ts";

const CARD = { id: "a", queues: [20, 21], vhost: [30, 31], mac: "02:00:00:00:00:01", mtu: 1400 };
const CARD_DEVICE = ["device_add", {
  driver: "virtio-net-pci",
  id: "card-a",
  netdev: "net-a",
  bus: "hotplug",
  romfile: "",
  guest_announce: false,
  mac: "02:00:00:00:00:01",
  host_mtu: 1400,
  mq: true,
  vectors: 6,
}];

Deno.test("a card gets a descriptor for each queue, by name", async () => {
  const commands = await withMonitor(Array(6).fill({}), (client) => plugCard(client, CARD));
  const names = ["queue0", "queue1", "vhost0", "vhost1"].map((name) => `net-a-${name}`);
  assertEquals(commands, [
    ...names.map((fdname): [string, unknown] => ["getfd", { fdname }]),
    ["netdev_add", {
      type: "tap",
      id: "net-a",
      fds: "net-a-queue0:net-a-queue1",
      vhost: true,
      vhostfds: "net-a-vhost0:net-a-vhost1",
    }],
    CARD_DEVICE as [string, unknown],
  ]);
});

Deno.test("a card that does not fit leaves neither a backend nor descriptors behind", async () => {
  const card = { ...CARD, vhost: [] };
  const gone = refusal("File descriptor named 'net-a-queue0' not found");
  const answers = [{}, {}, {}, refusal("no slot"), {}, gone, gone];
  const commands = await withMonitor(answers, async (client) => {
    await assertRejects(
      () => plugCard(client, card),
      Error,
      "02:00:00:00:00:01 into the VM: no slot",
    );
  });
  assertEquals(commands.slice(4), [
    ["netdev_del", { id: "net-a" }],
    ["closefd", { fdname: "net-a-queue1" }],
    ["closefd", { fdname: "net-a-queue0" }],
  ]);
});

Deno.test("the user network is plugged in with its ports", async () => {
  const port = { protocol: "udp" as const, address: "127.0.0.1", port: 53, guestPort: 5353 };
  const commands = await withMonitor(
    [{}, {}],
    (client) => plugUserNetwork(client, { ports: [port] }),
  );
  const hostfwd = [{ str: "udp:127.0.0.1:53-10.0.2.15:5353" }];
  assertEquals(commands[0], ["netdev_add", { type: "user", id: "net-user", hostfwd }]);
});

Deno.test("a card's backend goes when the guest has let go of the card", async () => {
  const deletions = new Deletions();
  deletions.take({ name: "DEVICE_DELETED", data: { device: "card-a" } });
  for (const first of [{}, refusal("Device card-a is already in the process of unplug")]) {
    const commands = await withMonitor([first, {}], async (client) => {
      await unplugCard(client, "a", (device) => deletions.wait(device));
    });
    assertEquals(commands, [["device_del", { id: "card-a" }], ["netdev_del", { id: "net-a" }]]);
  }
});

Deno.test("a guest that does not let go of a card is not waited for without end", async () => {
  await withMonitor([{}], async (client) => {
    const deletions = new Deletions(1);
    const remove = () => unplugCard(client, "a", (device) => deletions.wait(device));
    await assertRejects(remove, Error, "Cannot take the network card a from the VM");
  });
});

Deno.test("a card that is gone already is fine", async () => {
  const gone = refusal("Device 'card-a' not found", "DeviceNotFound");
  await withMonitor(
    [gone, gone],
    (client) => unplugCard(client, "a", () => Promise.resolve(false)),
  );
});

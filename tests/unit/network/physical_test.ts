import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { Failure } from "../../../lib/failure.ts";
import {
  attachPhysical,
  chooseEndpoints,
  detachPhysical,
  type HostFacts,
  isPciAddress,
  isSocket,
  planPhysical,
  type ScannedLink,
} from "../../../lib/network/mod.ts";

const CARD = "0000:00:03.0";

/** A sysfs of files: what is written to it stays there to be seen, and nothing else happens. */
async function withSysfs(
  options: { driver?: string; group?: boolean; override?: string },
  test: (root: string, read: (path: string) => string, bind: (driver?: string) => void) => void,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const device = join(root, "bus/pci/devices", CARD);
    Deno.mkdirSync(device, { recursive: true });
    Deno.writeTextFileSync(join(device, "driver_override"), options.override ?? "(null)\n");
    Deno.writeTextFileSync(join(root, "bus/pci/drivers_probe"), "");
    if (options.group ?? true) Deno.symlinkSync("../../groups/7", join(device, "iommu_group"));
    const bind = (driver?: string) => {
      try {
        Deno.removeSync(join(device, "driver"));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      if (driver === undefined) return;
      const directory = join(root, "bus/pci/drivers", driver);
      Deno.mkdirSync(directory, { recursive: true });
      Deno.writeTextFileSync(join(directory, "unbind"), "");
      Deno.symlinkSync(`../../drivers/${driver}`, join(device, "driver"));
    };
    bind(options.driver);
    test(root, (path) => Deno.readTextFileSync(join(root, "bus/pci", path)), bind);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("A card's driver and group are taken down before it is given away", () =>
  withSysfs({ driver: "virtio-pci" }, (root) => {
    assertEquals(planPhysical(CARD, root), {
      address: CARD,
      driver: "virtio-pci",
      override: "",
      group: "7",
    });
  }));

Deno.test("A card without an IOMMU is not given away", () =>
  withSysfs({ driver: "e1000", group: false }, (root) => {
    assertThrows(() => planPhysical(CARD, root), Failure, "no IOMMU is in charge of it");
    assertThrows(() => planPhysical("0000:09:00.0", root), Failure, "there is no such device");
    assertThrows(() => planPhysical("../../x", root), TypeError);
  }));

Deno.test("A card that no driver takes for the VM goes back to its own", () =>
  withSysfs({ driver: "e1000" }, (root, read) => {
    const record = planPhysical(CARD, root);
    assertThrows(() => attachPhysical(record, root), Failure, "no vfio-pci driver");
    assertEquals(read("drivers/e1000/unbind").trim(), CARD);
    assertEquals(read("drivers_probe").trim(), CARD);
    assertEquals(read(`devices/${CARD}/driver_override`).trim(), "");
  }));

Deno.test("A card that the VM has had goes back to its driver, and once only", () =>
  withSysfs({ driver: "e1000", override: "e1000\n" }, (root, read, bind) => {
    const record = planPhysical(CARD, root);
    assertEquals(record.override, "e1000");
    bind("vfio-pci");
    attachPhysical(record, root);
    assertEquals(read("drivers_probe"), "");
    detachPhysical(record, root);
    assertEquals(read("drivers/vfio-pci/unbind").trim(), CARD);
    assertEquals(read(`devices/${CARD}/driver_override`).trim(), "e1000");
    assertEquals(read("drivers_probe").trim(), CARD);
    bind("e1000");
    Deno.writeTextFileSync(join(root, "bus/pci/drivers_probe"), "");
    detachPhysical(record, root);
    assertEquals(read("drivers_probe"), "");
  }));

Deno.test("A card that has gone needs nothing to be undone", () =>
  withSysfs({}, (root) => {
    detachPhysical({ address: "0000:0a:00.0", driver: "x", override: "", group: "1" }, root);
    assertThrows(() => Deno.statSync(join(root, "bus/pci/devices/0000:0a:00.0")));
  }));

for (
  const [text, is] of [
    ["0000:00:03.0", true],
    ["10000:e1:00.1", true],
    ["", false],
    ["usb-0000:00:14.0-1", false],
    ["virtio0", false],
    ["0000:00:03.8", false],
  ] as const
) {
  Deno.test(`${JSON.stringify(text)} is ${is ? "a" : "no"} place on a PCI bus`, () => {
    assertEquals(isPciAddress(text), is);
  });
}

const host: HostFacts = { driver: () => undefined, isSocket: () => false, passThrough: true };

function link(name: string, parts: Partial<ScannedLink> = {}): ScannedLink {
  const address = { address: "10.0.0.2" };
  const usual = { name, kind: "veth", loopback: false, master: 0, addresses: [address] };
  return { ...usual, ...parts } as ScannedLink;
}

Deno.test("Interfaces without address, ports, loopback and our own are passed over", () => {
  const links = [
    link("lo", { loopback: true }),
    link("eth0"),
    link("tunl0", { addresses: [] }),
    link("port", { master: 4 }),
    link("pvtap2"),
    link("pvbr2"),
    link("pvtapx"),
  ];
  const chosen = chooseEndpoints(links, host).map(({ kind, link }) => [kind, link.name]);
  assertEquals(chosen, [["virtual", "eth0"], ["virtual", "pvtapx"]]);
});

Deno.test("A card on a PCI bus is passed through where that is wanted", () => {
  const card = link("eth0", { kind: "" });
  const driver = () => ({ driver: "e1000", bus: CARD });
  assertEquals(chooseEndpoints([card], { ...host, driver }), [
    { kind: "physical", link: card, address: CARD },
  ]);
  const without = { ...host, driver, passThrough: false };
  assertEquals(chooseEndpoints([card], without)[0]!.kind, "virtual");
  assertEquals(chooseEndpoints([link("eth0")], { ...host, driver })[0]!.kind, "virtual");
});

Deno.test("A switch's socket for one of the addresses is used", () => {
  const socket = "/tmp/vhostuser_10.0.0.2/vhu.sock";
  const chosen = chooseEndpoints([link("eth0")], { ...host, isSocket: (path) => path === socket });
  assertEquals(chosen.map((each) => [each.kind, "socket" in each && each.socket]), [
    ["vhost-user", socket],
  ]);
});

Deno.test("Only a socket counts as one", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "vhu.sock");
    assertEquals(isSocket(path), false);
    using _listener = Deno.listen({ transport: "unix", path });
    assertEquals(isSocket(path), true);
    await Deno.writeTextFile(join(directory, "file"), "");
    assertEquals(isSocket(join(directory, "file")), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

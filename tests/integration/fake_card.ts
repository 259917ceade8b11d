import { basename, join } from "@std/path";
import type { Sandbox } from "./network_sandbox.ts";

/**
 * A network card in a sysfs of files, whose interface is one of a namespace. What the kernel does when a card changes its
 * driver a shell does: the files that are written to are pipes, and who writes to them waits for it.
 */
export class FakeCard implements AsyncDisposable {
  readonly address = "0000:00:03.0";

  private constructor(readonly sysfs: string, readonly kernel: Deno.ChildProcess) {}

  /** @param options where its interface `eth0` is, and where it appears again as `ens3` */
  static async make(
    { from, to, iommu }: { from: Sandbox; to: Sandbox; iommu: boolean },
  ): Promise<FakeCard> {
    const sysfs = await Deno.makeTempDir();
    const make = `mkdir -p devices/0000:00:03.0/net drivers/e1000 drivers/vfio-pci
      mkfifo drivers/e1000/unbind drivers/vfio-pci/unbind drivers_probe
      echo '(null)' >devices/0000:00:03.0/driver_override
      ln -s ../../drivers/e1000 devices/0000:00:03.0/driver
      ${iommu ? "ln -s ../../groups/7 devices/0000:00:03.0/iommu_group" : ""}`;
    const toVm = `read -r _ <drivers/e1000/unbind; rm devices/*/driver
      nsenter --net=${from.path} ip link set eth0 name ens3 netns ${to.path}
      ln -s ../../drivers/$(cat devices/*/driver_override) devices/0000:00:03.0/driver
      read -r _ <drivers_probe`;
    const back = `read -r _ <drivers/vfio-pci/unbind; rm devices/*/driver
      mkdir devices/0000:00:03.0/net/ens3
      ln -s ../../drivers/e1000 devices/0000:00:03.0/driver
      read -r _ <drivers_probe`;
    const cwd = join(sysfs, "bus/pci");
    await Deno.mkdir(cwd, { recursive: true });
    await new Deno.Command("sh", { args: ["-ec", make], cwd }).output();
    const args = ["-ec", `${toVm}; ${back}`];
    const kernel = new Deno.Command("sh", { args, cwd }).spawn();
    return new FakeCard(sysfs, kernel);
  }

  /** Who has it. */
  get driver(): string {
    return basename(
      Deno.readLinkSync(join(this.sysfs, "bus/pci/devices", this.address, "driver")),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kernel.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await this.kernel.status;
    await Deno.remove(this.sysfs, { recursive: true });
  }
}

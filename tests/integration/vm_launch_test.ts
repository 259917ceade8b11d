import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { guestPorts } from "../../lib/agent/mod.ts";
import { Failure } from "../../lib/failure.ts";
import { Qemu, type Vm } from "../../lib/hypervisor/mod.ts";
import { tryLockFile } from "../../lib/sys/mod.ts";
import { installFakeQemu } from "../fake_vm/mod.ts";

// Loads what makes system calls, once for all tests.
tryLockFile(Deno.makeTempFileSync())?.close();

const BOOT = { kernel: "/none", initrd: "/none", image: "/none" };

/** Starts a program in place of QEMU, in a directory of its own; whatever is left of it is killed. */
async function withVm(
  script: string | undefined,
  run: (launch: () => Promise<Vm>, directory: string) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync({ dir: "/tmp", prefix: "vm-" });
  const share = join(directory, "shared");
  Deno.mkdirSync(share);
  const vms: Vm[] = [];
  try {
    const binary = await installFakeQemu(directory);
    if (script !== undefined) Deno.writeTextFileSync(binary, `#!/bin/sh\n${script}\n`);
    const qemu = new Qemu({ boot: BOOT, binary, accelerator: { kind: "tcg", reason: "a test" } });
    await run(async () => {
      const vm = await qemu.launch({
        name: "test",
        directory,
        memoryMiB: 64,
        vcpus: 1,
        ports: guestPorts({ directory }),
        share: { path: share, tag: "hyperShared", kind: "9p" },
        mounts: share,
        dieWithParent: true,
      });
      vms.push(vm);
      return vm;
    }, directory);
  } finally {
    for (const vm of vms) await vm.kill();
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test(
  "a VM's channels take connections when it has been launched",
  () =>
    withVm(undefined, async (launch, directory) => {
      const vm = await launch();
      for (const { hostPath: path } of guestPorts({ directory })) {
        (await Deno.connect({ transport: "unix", path })).close();
      }
      assertEquals(vm.accelerator, "tcg");
    }),
);

Deno.test(
  "a VM can be paused, resumed and stopped",
  () =>
    withVm(undefined, async (launch) => {
      const vm = await launch();
      await vm.pause();
      await vm.resume();
      const { ended } = vm;
      await vm.stop();
      assertEquals(await ended, {
        reason: "the guest stopped",
        console: ["the fake guest has started"],
      });
    }),
);

Deno.test(
  "a VM that is killed by somebody is noticed, with its console",
  () =>
    withVm(undefined, async (launch) => {
      const vm = await launch();
      const { ended } = vm;
      Deno.kill(vm.process.pid, "SIGKILL");
      assertEquals(await ended, {
        reason: "QEMU was killed by SIGKILL",
        console: ["the fake guest has started"],
      });
    }),
);

Deno.test(
  "another process can take hold of a VM and end it",
  () =>
    withVm(undefined, async (launch, directory) => {
      const vm = await launch();
      const { ended } = vm;
      const { process, accelerator } = vm;
      await new Qemu({ boot: BOOT }).attach({ process, accelerator, directory }).stop();
      assertEquals((await ended).reason, "the guest stopped");
    }),
);

Deno.test(
  "a QEMU that refuses its arguments is quoted",
  () =>
    withVm("echo 'qemu: no such machine' >&2; exit 1", async (launch) => {
      const error = await assertRejects(launch, Failure);
      assertEquals(
        error.message,
        "Cannot start the VM: QEMU exited with code 1: qemu: no such machine",
      );
    }),
);

Deno.test(
  "a QEMU that is not there is named",
  () =>
    withVm(undefined, async (launch, directory) => {
      Deno.removeSync(join(directory, "fake-qemu"));
      const error = await assertRejects(launch, Failure);
      assert(error.message.includes("fake-qemu: no such file"), error.message);
    }),
);

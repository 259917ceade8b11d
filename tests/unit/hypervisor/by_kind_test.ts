import { assertThrows } from "@std/assert";
import { HypervisorByKind } from "../../../lib/hypervisor/mod.ts";

const QEMU = {
  launch: () => Promise.reject(new Error("asked QEMU")),
  attach: () => {
    throw new Error("asked QEMU");
  },
};

Deno.test("a VM that asks for no program gets QEMU", () => {
  const hypervisor = new HypervisorByKind(QEMU);
  const running = {
    process: { pid: 1, startTime: 1 },
    accelerator: "tcg",
    directory: "/",
  } as const;
  assertThrows(() => hypervisor.attach(running), Error, "asked QEMU");
});

import { assertEquals } from "@std/assert";
import { describeEnd } from "../../../../lib/hypervisor/qemu/qemu_vm.ts";

Deno.test("how QEMU ended is said in words", () => {
  assertEquals(describeEnd({ kind: "exited", code: 0 }), "the guest stopped");
  assertEquals(
    describeEnd({ kind: "exited", code: 1 }, "no such device"),
    "QEMU exited with code 1: no such device",
  );
  assertEquals(describeEnd({ kind: "signalled", signal: 9 }), "QEMU was killed by SIGKILL");
  assertEquals(describeEnd(undefined), "QEMU is gone");
});

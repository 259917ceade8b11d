import { assertEquals } from "@std/assert";
import { detectAccelerator } from "../../../lib/hypervisor/mod.ts";

const works = () => {};
const flags = (text: string) => `processor\t: 0\nflags\t\t: fpu ${text} sse\n`;

Deno.test("a processor with vmx or svm and an openable device means KVM", () => {
  for (const flag of ["vmx", "svm"]) {
    const chosen = detectAccelerator({ arch: "x86_64", cpuinfo: flags(flag), openKvm: works });
    assertEquals(chosen, { kind: "kvm", reason: `/dev/kvm works, the processor has ${flag}` });
  }
});

Deno.test("a KVM device without the processor's flag is not trusted", () => {
  const chosen = detectAccelerator({
    arch: "x86_64",
    cpuinfo: flags("svm_lock vmxoff"),
    openKvm: works,
  });
  assertEquals(chosen, { kind: "tcg", reason: "the processor shows neither vmx nor svm" });
});

Deno.test("a device that cannot be used is named as the reason", () => {
  const why = (error: Error) =>
    detectAccelerator({
      arch: "x86_64",
      cpuinfo: flags("vmx"),
      openKvm: () => {
        throw error;
      },
    });
  assertEquals(why(new Deno.errors.NotFound()), { kind: "tcg", reason: "/dev/kvm is not there" });
  assertEquals(why(new Deno.errors.PermissionDenied()).reason, "/dev/kvm may not be opened");
  assertEquals(why(new Error("ENXIO")).reason, "/dev/kvm cannot be opened");
});

Deno.test("other architectures are judged by the device alone", () => {
  const chosen = detectAccelerator({ arch: "aarch64", cpuinfo: "Features : fp", openKvm: works });
  assertEquals(chosen, { kind: "kvm", reason: "/dev/kvm works" });
});

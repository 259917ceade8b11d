import { assertEquals, assertThrows } from "@std/assert";
import { capabilityNumbers } from "../../../../lib/guest/agent/capabilities.ts";
import { executableCandidates, fromFirstPresent } from "../../../../lib/guest/agent/executable.ts";
import { resourceLimits } from "../../../../lib/guest/agent/rlimits.ts";

const NONE = {
  bounding: null,
  effective: null,
  inheritable: null,
  permitted: null,
  ambient: null,
};

Deno.test("a program is looked for in each directory of PATH, in order", () => {
  assertEquals(executableCandidates("ls", ["PATH=/a:/b", "X=1"]), ["/a/ls", "/b/ls"]);
  assertEquals(executableCandidates("ls", ["PATH=/a", "PATH=/b"]), ["/b/ls"]);
});

Deno.test("a program named with a slash is looked for nowhere else", () => {
  assertEquals(executableCandidates("/bin/ls", ["PATH=/a"]), ["/bin/ls"]);
  assertEquals(executableCandidates("./ls", ["PATH=/a"]), ["./ls"]);
});

Deno.test("an empty entry of PATH is the working directory, no PATH the usual places", () => {
  assertEquals(executableCandidates("ls", ["PATH=:/a"]), ["./ls", "/a/ls"]);
  assertEquals(executableCandidates("ls", []).at(-1), "/bin/ls");
});

Deno.test("a PATH without end is cut", () => {
  assertEquals(executableCandidates("ls", ["PATH=" + "/x:".repeat(100_000)]).length, 64);
});

Deno.test("programs that are not there are left out up to the first that is, and not all of them", () => {
  const all = ["/a/ls", "/b/ls", "/c/ls"];
  assertEquals(fromFirstPresent(all, (path) => path !== "/a/ls"), ["/b/ls", "/c/ls"]);
  assertEquals(fromFirstPresent(all, () => true), all);
  // Which of them is missing is told by the start that fails.
  assertEquals(fromFirstPresent(all, () => false), all);
  assertEquals(fromFirstPresent(["/a/ls", "./ls"], () => false), ["./ls"]);
});

Deno.test("without lists a process has the fourteen capabilities of the original agent", () => {
  const sets = capabilityNumbers(NONE);
  // The same as what runc's default shows in CapBnd.
  assertEquals(sets.bounding.reduce((sum, each) => sum + 2 ** each, 0), 0xa80425fb);
  assertEquals(sets.permitted, sets.bounding);
  assertEquals(sets.effective, sets.bounding);
  assertEquals([sets.inheritable, sets.ambient], [[], []]);
});

Deno.test("capabilities are taken by name with or without prefix, in any case", () => {
  const sets = capabilityNumbers({ ...NONE, bounding: ["CAP_CHOWN", "net_raw"] });
  assertEquals(sets.bounding, [0, 13]);
  assertEquals(sets.effective, sets.bounding);
});

Deno.test("an empty list is no capability, and no list exceeds the one above it", () => {
  assertEquals(capabilityNumbers({ ...NONE, bounding: [] }).effective, []);
  const sets = capabilityNumbers({
    bounding: ["CAP_CHOWN", "CAP_KILL"],
    permitted: ["CAP_CHOWN"],
    effective: ["CAP_CHOWN", "CAP_KILL"],
    inheritable: ["CAP_CHOWN"],
    ambient: ["CAP_CHOWN", "CAP_KILL"],
  });
  assertEquals([sets.effective, sets.ambient], [[0], [0]]);
});

Deno.test("a further process has its container's capabilities", () => {
  const own = capabilityNumbers({ ...NONE, bounding: ["CAP_SYS_ADMIN"], permitted: [] });
  assertEquals(capabilityNumbers(NONE, own), own);
});

Deno.test("an unknown capability is refused by name", () => {
  assertThrows(
    () => capabilityNumbers({ ...NONE, ambient: ["CAP_FLY"] }),
    Error,
    "unknown capability CAP_FLY",
  );
});

/** Soft and hard limit as the kernel reads them. */
function kernelValues({ values }: { values: Uint8Array }): bigint[] {
  return [...new BigUint64Array(values.slice().buffer)];
}

Deno.test("resource limits are taken by name, and infinity survives JSON", () => {
  const [files, core, stack] = resourceLimits([
    { type: "RLIMIT_CORE", soft: 0, hard: 18446744073709551615 },
    { type: "stack", soft: 1, hard: 2 },
  ]);
  assertEquals([files!.resource, kernelValues(files!), files!.required], [
    7,
    [1024n, 1048576n],
    false,
  ]);
  assertEquals([core!.resource, kernelValues(core!)], [4, [0n, 0xffff_ffff_ffff_ffffn]]);
  assertEquals([stack!.resource, kernelValues(stack!), stack!.required], [3, [1n, 2n], true]);
});

Deno.test("the host's number of open files replaces the default", () => {
  const limits = resourceLimits([{ type: "RLIMIT_NOFILE", soft: 5, hard: 6 }]);
  assertEquals(limits.map(kernelValues), [[5n, 6n]]);
});

Deno.test("an unknown resource limit is refused by name", () => {
  assertThrows(
    () => resourceLimits([{ type: "RLIMIT_FUN", soft: 1, hard: 1 }]),
    Error,
    "unknown resource limit RLIMIT_FUN",
  );
});

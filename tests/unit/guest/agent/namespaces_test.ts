import { assertEquals, assertThrows } from "@std/assert";
import { endsAsOne, hasOwnName, SharedNamespaces } from "../../../../lib/guest/agent/namespaces.ts";
import { Fd, O_RDONLY, open } from "../../../../lib/sys/mod.ts";

const NEWPID = 0x20000000, NEWIPC = 0x8000000, NEWUTS = 0x4000000;
const nobody = () => undefined;

Deno.test("a container makes its namespaces, except those that it is to have of the machine", () => {
  const shared = new SharedNamespaces();
  const own = shared.plan({}, nobody);
  assertEquals([own.made & (NEWPID | NEWIPC | NEWUTS), own.joined], [NEWPID | NEWIPC | NEWUTS, []]);
  assertEquals([endsAsOne(own), hasOwnName(own)], [true, true]);
  const machines = shared.plan({ pid: "", uts: "" }, nobody);
  assertEquals([machines.made & (NEWPID | NEWIPC | NEWUTS), machines.joined], [NEWIPC, []]);
  assertEquals([endsAsOne(machines), hasOwnName(machines)], [false, false]);
});

Deno.test("a container joins those of one that runs", () => {
  using process: Fd = open("/dev/null", O_RDONLY);
  const shared = new SharedNamespaces();
  const plan = shared.plan(
    { pid: "container:a" },
    (container) => container === "a" ? process : undefined,
  );
  assertEquals(plan.joined, [{ kind: "pid", fd: process.number }]);
  assertEquals(plan.made & NEWPID, 0);
  assertThrows(
    () => shared.plan({ pid: "container:b" }, nobody),
    Error,
    "container b: it does not run",
  );
  assertThrows(() => shared.plan({ net: "" }, nobody), Error, "of the kind net");
});

Deno.test("the first to give a name makes what the others join", () => {
  const shared = new SharedNamespaces();
  const first = shared.plan({ ipc: "/run/ipc/1" }, nobody);
  assertEquals([first.made & NEWIPC, first.joined.length], [NEWIPC, 0]);
  shared.keep(first, Deno.pid);
  const second = shared.plan({ ipc: "/run/ipc/1", uts: "/run/ipc/1" }, nobody);
  assertEquals([second.made & NEWIPC, second.joined.length], [0, 1]);
  assertEquals(second.named, [{ kind: "uts", name: "/run/ipc/1" }]);
  shared.clear();
  assertEquals(shared.plan({ ipc: "/run/ipc/1" }, nobody).joined, []);
});

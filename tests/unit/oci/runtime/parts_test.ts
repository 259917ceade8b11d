import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../../../../lib/failure.ts";
import { readLimitChange } from "../../../../lib/oci/mod.ts";
import { cgroupDirectory } from "../../../../lib/oci/runtime/cgroup_path.ts";
import { runcStats } from "../../../../lib/oci/runtime/events.ts";
import { checkId, internalName } from "../../../../lib/oci/runtime/names.ts";
import { readPodAnnotations } from "../../../../lib/oci/runtime/pod_annotations.ts";
import { podSize } from "../../../../lib/oci/runtime/pod_size.ts";

Deno.test("ids are those of other runtimes, and none leaves its directory", () => {
  for (const id of ["a", "a_b.c+d-e", "-leading", "x".repeat(255)]) assertEquals(checkId(id), id);
  for (const id of ["", ".", "..", "a/b", "a b", "x".repeat(256), "a\0"]) {
    assertThrows(() => checkId(id), Failure, "invalid container id");
  }
});

Deno.test("one id in two engines' roots names two pods, short enough for a socket", async () => {
  const id = "0123456789abcdef".repeat(4);
  const [one, two] = [await internalName("/run/a", id), await internalName("/run/b", id)];
  assertMatch(one, /^oci-0123456789ab-[0-9a-f]{12}$/);
  assertEquals(one === two, false);
  assertEquals(one, await internalName("/run/a", id));
});

Deno.test("a control group's path is a path, or systemd's notation", () => {
  assertEquals(cgroupDirectory(undefined, "c"), undefined);
  assertEquals(cgroupDirectory("/a/b", "c"), "/a/b");
  assertEquals(cgroupDirectory("a/b", "c"), "/a/b");
  assertEquals(
    cgroupDirectory("user-1000.slice:libpod:abc", "c"),
    "/user.slice/user-1000.slice/libpod-abc.scope",
  );
  assertEquals(cgroupDirectory("system.slice::", "c"), "/system.slice/c.scope");
  assertEquals(cgroupDirectory("-.slice:p:n", "c"), "/p-n.scope");
  assertThrows(() => cgroupDirectory("/a/../../b", "c"), Failure, "it has a ..");
});

Deno.test("annotations shape a pod as far as they are allowed", () => {
  const allowed = ["memory", "vcpus", "max_vcpus"];
  const read = (key: string, value: string) =>
    readPodAnnotations({ [`io.podvisor.${key}`]: value, "other.key": "x" }, allowed);
  assertEquals(read("memory", "512"), { memoryMiB: 512 });
  assertEquals(read("vcpus", "3"), { vcpus: 3 });
  assertEquals(read("max_vcpus", "1"), { maxVcpus: 1 });
  assertThrows(() => read("max_vcpus", "0"), Failure, "a whole number from 1");
  assertThrows(() => read("memory", "1"), Failure, "a whole number from");
  assertThrows(() => read("kernel", "/boot/x"), Failure, "does not allow it");
  assertThrows(() => read("toString", "x"), Failure, "there are memory, vcpus");
});

Deno.test("a VM has its own memory and the container's limit beside", () => {
  const size = { memoryMiB: 512, vcpus: 1 };
  const limited = (limit: number) => podSize(size, { linux: { resources: { memory: { limit } } } });
  assertEquals(limited(-1), size);
  assertEquals(limited(100 * 2 ** 20).memoryMiB, 612);
  const cpu = { quota: 250_000, period: 100_000 };
  assertEquals(podSize(size, { linux: { resources: { cpu } } }).vcpus, 3);
  assertEquals(podSize({ ...size, maxVcpus: 2 }, { linux: { resources: { cpu } } }).vcpus, 2);
  const annotations = { "io.kubernetes.cri.sandbox-memory": String(2 ** 30) };
  assertEquals(podSize(size, { annotations }).memoryMiB, 1536);
});

Deno.test("new limits change what they name", () => {
  const now = { cpu: { quota: 5000, period: 0, shares: 7 }, memory: 1 << 20, pids: 9 };
  const change = readLimitChange('{"memory": {"limit": 4096}, "cpu": {"quota": -1}, "pids": null}');
  assertEquals(change(now), { cpu: { quota: 0, period: 0, shares: 7 }, memory: 4096, pids: 9 });
  for (const text of ["no", "null", "[]", "7"]) {
    assertThrows(() => readLimitChange(text), Failure, "Cannot read the new limits");
  }
});

Deno.test("new limits that are files of the control group join those that hold", () => {
  const now = {
    cpu: { quota: 0, period: 0, shares: 0 },
    memory: 4096,
    pids: 0,
    files: { "memory.low": "1024", "cpuset.mems": "0" },
  };
  const change = readLimitChange(JSON.stringify({
    cpu: { quota: 5000, cpus: "0-1", mems: "0-1" },
    memory: { limit: 0, swap: 6144, reservation: null },
    hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
    blockIO: { weight: 10, weightDevice: null },
    unified: { "memory.high": "2048" },
  }));
  assertEquals(change(now), {
    cpu: { quota: 5000, period: 100_000, shares: 0, set: "0-1" },
    memory: 4096,
    pids: 0,
    files: {
      "memory.low": "1024",
      "cpuset.mems": "0-1",
      "memory.swap.max": "2048",
      "hugetlb.2MB.max": "0",
      "io.weight": "1",
      "memory.high": "2048",
    },
  });
  const elsewhere = readLimitChange('{"unified": {"../memory.max": "1"}}');
  assertThrows(() => elsewhere(now), Failure, "is no file of a control group");
});

Deno.test("counters of the guest come in runc's form, whatever the guest says", () => {
  const stats = runcStats({
    "cpu.stat": "usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\n",
    "memory.current": "4096\n",
    "memory.max": "max\n",
    "memory.stat": "anon 1\nfile 2\n__proto__ 3\n",
    "pids.current": "not a number",
    "io.stat": "254:0 rbytes=10 wbytes=20 rios=1\n",
  }) as Record<string, Record<string, unknown>>;
  assertEquals(stats.cpu!.usage, { total: 3_000_000, kernel: 1_000_000, user: 2_000_000 });
  assertEquals(stats.memory!.usage, { limit: 0, usage: 4096, max: 4096, failcnt: 0 });
  assertEquals(stats.memory!.cache, 2);
  assertEquals(stats.pids, { current: 0, limit: 0 });
  assertEquals(stats.blkio!.ioServiceBytesRecursive, [
    { major: 254, minor: 0, op: "Read", value: 10 },
    { major: 254, minor: 0, op: "Write", value: 20 },
  ]);
});

import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { applyLimits, type Limits } from "../../../../lib/guest/agent/cgroup_limits.ts";

const NONE: Limits = {
  CPUQuota: 0,
  CPUPeriod: 0,
  CPUShares: 0,
  CPUSet: "",
  MemoryLimit: 0,
  PidsLimit: 0,
  files: {},
};

/** A directory that stands for a cgroup; the kernel would make the files of its controllers. */
async function inDirectory(test: (parent: string, path: string) => void): Promise<void> {
  const parent = await Deno.makeTempDir();
  const path = join(parent, "c");
  Deno.mkdirSync(path);
  try {
    test(parent, path);
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

function filesIn(path: string): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(path)].filter(({ isFile }) => isFile)
      .map(({ name }) => [name, Deno.readTextFileSync(join(path, name))]),
  );
}

Deno.test("a container without limits needs no controller", async () => {
  await inDirectory((parent, path) => {
    applyLimits(parent, path, NONE);
    assertEquals({ ...filesIn(parent), ...filesIn(path) }, {});
  });
});

Deno.test("each limit goes into its controller's file", async () => {
  await inDirectory((parent, path) => {
    applyLimits(parent, path, {
      CPUQuota: 50000,
      CPUPeriod: 0,
      CPUShares: 1024,
      CPUSet: "0-1",
      MemoryLimit: 1 << 26,
      PidsLimit: 20,
      files: {},
    });
    assertEquals(filesIn(path), {
      "cpu.weight": "39",
      "cpu.max": "50000 100000",
      "memory.max": "67108864",
      "pids.max": "20",
      "cpuset.cpus": "0-1\n",
    });
    assertEquals(filesIn(parent), { "cgroup.subtree_control": "+cpuset" });
  });
});

Deno.test("a limit that is taken back is lifted", async () => {
  await inDirectory((parent, path) => {
    applyLimits(parent, path, { ...NONE, CPUQuota: 50000, MemoryLimit: 4096, PidsLimit: 2 });
    Deno.writeTextFileSync(join(path, "cpu.weight"), "1");
    applyLimits(parent, path, NONE);
    assertEquals(filesIn(path), {
      "cpu.weight": "100",
      "cpu.max": "max 100000",
      "memory.max": "max",
      "pids.max": "max",
    });
  });
});

Deno.test("a limit that the kernel refuses is named", async () => {
  await inDirectory((parent, path) => {
    Deno.mkdirSync(join(path, "pids.max"));
    const apply = () => applyLimits(parent, path, { ...NONE, PidsLimit: 7 });
    assertThrows(apply, Error, "Cannot limit the container: 7 for");
  });
});

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { hasLimits, LIMIT_OPTIONS, NO_LIMITS, readLimits } from "../../../lib/cli/limit_options.ts";
import { parseOptions } from "../../../lib/cli/options.ts";
import { readStorage, STORAGE_OPTIONS } from "../../../lib/cli/storage_options.ts";
import { Config } from "../../../lib/config/mod.ts";
import { Failure } from "../../../lib/failure.ts";

const limits = (args: string[], before = NO_LIMITS) =>
  readLimits(parseOptions(args, LIMIT_OPTIONS), before);

const storage = (...args: string[]) =>
  readStorage(
    parseOptions(args, STORAGE_OPTIONS),
    { devices: [], memoryMounts: [], shmSize: 0 },
    new Config().with({ block_driver: "virtio-blk" }, "a file"),
  );

Deno.test("limits are read with their units, and a quota alone has the kernel's period", () => {
  assertEquals(limits([]), NO_LIMITS);
  assertEquals(
    limits([
      ...["--cpu-shares", "512", "--cpu-quota", "50000", "--cpuset-cpus", "0-1,3"],
      ...["--memory-limit", "64M", "--pids-limit", "10"],
    ]),
    {
      cpu: { quota: 50000, period: 100000, shares: 512, set: "0-1,3" },
      memory: 64 << 20,
      pids: 10,
    },
  );
});

Deno.test("what an update does not name stays", () => {
  const before = { cpu: { quota: 5000, period: 7000, shares: 9 }, memory: 1 << 20, pids: 4 };
  assertEquals(limits(["--pids-limit", "8"], before), { ...before, pids: 8 });
  assertEquals(hasLimits(parseOptions(["--pids-limit", "8"], LIMIT_OPTIONS)), true);
  assertEquals(hasLimits(parseOptions([], LIMIT_OPTIONS)), false);
});

Deno.test("limits that the kernel would refuse are refused with the option named", () => {
  for (
    const [option, value] of [
      ["--cpu-shares", "1"],
      ["--cpu-quota", "999"],
      ["--cpu-period", "1000001"],
      ["--cpuset-cpus", "0-"],
      ["--memory-limit", "4K"],
      ["--memory-limit", "x"],
      ["--pids-limit", "0"],
    ] as const
  ) assertThrows(() => limits([option, value]), Failure, option);
});

Deno.test("devices, file systems in memory and /dev/shm are read", async () => {
  const path = await Deno.makeTempFile();
  try {
    assertEquals(
      await storage(
        ...["--device", `${path}:/dev/x:ro`, "--block-driver", "virtio-scsi", "--shm-size", "1G"],
        ...["--tmpfs", "/a", "--tmpfs", "/b:size=2M,mode=755,ro,exec,nosuid"],
      ),
      {
        devices: [{ source: path, destination: "/dev/x", readOnly: true }],
        blockDriver: "virtio-scsi",
        memoryMounts: [
          { destination: "/a", size: 0, mode: 0o1777, readOnly: false, exec: false },
          { destination: "/b", size: 2 << 20, mode: 0o755, readOnly: true, exec: true },
        ],
        shmSize: 1 << 30,
      },
    );
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("how disks are plugged in is the configuration's choice where no option says it", async () => {
  assertEquals((await storage()).blockDriver, "virtio-blk");
});

Deno.test("a device or tmpfs that makes no sense is refused with the option named", async () => {
  for (
    const [option, value] of [
      ["--device", "/nowhere:/dev/x"],
      ["--device", "/tmp:/dev/x"],
      ["--device", "/dev/null:x"],
      ["--tmpfs", "a"],
      ["--tmpfs", "/a:size=x"],
      ["--tmpfs", "/a:mode=9"],
      ["--tmpfs", "/a:loud"],
      ["--block-driver", "ide"],
    ] as const
  ) await assertRejects(() => storage(option, value), Failure, option);
});

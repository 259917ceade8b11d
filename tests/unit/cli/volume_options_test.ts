import { assertEquals, assertRejects } from "@std/assert";
import { readVolumes } from "../../../lib/cli/volume_options.ts";
import { Failure } from "../../../lib/failure.ts";

Deno.test("volumes are read with their options in any order", async () => {
  const none = { source: "/tmp", destination: "/a", readOnly: false };
  const cases = {
    "/tmp:/a": none,
    "/tmp:/a/": none,
    "/tmp:/x/../a:rw": none,
    "/tmp:/a:ro": { ...none, readOnly: true },
    "/tmp:/a:rprivate,ro": { ...none, readOnly: true, propagation: "rprivate" },
    "/tmp:/a:slave": { ...none, propagation: "rslave" },
    "/dev:/dev": { source: "/dev", destination: "/dev", readOnly: false },
    "/dev/shm:/dev/mine": { source: "/dev/shm", destination: "/dev/mine", readOnly: false },
  };
  assertEquals(await readVolumes(Object.keys(cases)), Object.values(cases));
});

Deno.test("a volume that cannot be is refused with the reason, never dropped in silence", async () => {
  const cases = {
    "/tmp": "SRC:DST or SRC:DST:OPTIONS is needed",
    "/tmp:a": "DST an absolute path",
    "/tmp:/a:ro:rw": "SRC:DST or SRC:DST:OPTIONS is needed",
    "/nowhere:/a": "there is no /nowhere",
    "/tmp:/": "/ is the root file system's place",
    "/tmp:/proc": "/proc is what the VM's kernel shows of itself",
    "/tmp:/x/../sys/fs": "/sys is what the VM's kernel shows of itself",
    "/tmp:/dev": "on /dev goes nothing but /dev",
    "/dev/null:/a": "a device of the host",
    "/tmp:/a:z": 'the option "z" is unknown',
    "/tmp:/a:rshared": "what is mounted in a VM is not seen on the host",
    "/tmp:/a:shared": "rslave can",
    "/tmp:/a:ro,rslave": "with rslave it cannot be read-only",
  };
  for (const [text, message] of Object.entries(cases)) {
    await assertRejects(() => readVolumes([text]), Failure, message);
  }
});

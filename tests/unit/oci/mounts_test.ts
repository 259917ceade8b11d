import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { readMountOptions } from "../../../lib/oci/mount_options.ts";
import { planMounts } from "../../../lib/oci/mounts.ts";

const RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8, ATIME = 0x70;
const MS_REC = 1 << 14, MS_PRIVATE = 1 << 18, MS_SLAVE = 1 << 19, MS_SHARED = 1 << 20;

/** Plans mounts of a bundle in /b; the defaults are left out. */
async function plan(...given: Parameters<typeof planMounts>[1]) {
  const { volumes, mounts } = await planMounts("/b", given);
  const paths = given.map(({ destination }) => destination);
  return { volumes, mounts: mounts.filter(({ path }) => paths.includes(path)) };
}

Deno.test("options become attributes to set and to clear, of which the last holds", () => {
  const read = (...options: string[]) => {
    const { set, clear, setBelow, clearBelow } = readMountOptions(options);
    return [set, clear, setBelow, clearBelow];
  };
  assertEquals(read("nosuid", "nodev", "noexec", "ro"), [
    NOSUID | NODEV | NOEXEC | RDONLY,
    0,
    0,
    0,
  ]);
  assertEquals(read("ro", "rw"), [0, RDONLY, 0, 0]);
  assertEquals(read("rw", "ro"), [RDONLY, 0, 0, 0]);
  assertEquals(read("noatime"), [0x10, ATIME, 0, 0]);
  assertEquals(read("noatime", "relatime"), [0, ATIME, 0, 0]);
  assertEquals(read("nodiratime", "nosymfollow"), [0x80 | 0x200000, 0, 0, 0]);
  assertEquals(read("rro", "rnosuid", "exec"), [0, NOEXEC, RDONLY | NOSUID, 0]);
});

Deno.test("other options are propagation, binding, the file system's own, or of no use", () => {
  const { propagation, bind, data, ignored, copyUp, refused } = readMountOptions(
    [
      "rbind",
      "rslave",
      "size=1m",
      "sync",
      "defaults",
      "tmpcopyup",
      "context=x",
      "remount",
      "idmap",
    ],
  );
  assertEquals({ propagation, bind, data, ignored, copyUp, refused }, {
    propagation: MS_SLAVE | MS_REC,
    bind: "rbind",
    data: ["size=1m", "sync"],
    ignored: ["context=x", "remount"],
    copyUp: true,
    refused: "idmap",
  });
});

Deno.test("what every container has is there in its place, unless the bundle has it itself", async () => {
  const paths = async (...destinations: string[]) => {
    const given = destinations.map((destination) => ({ destination, type: "tmpfs" }));
    return (await planMounts("/b", given)).mounts.map(({ path }) => path).join(" ");
  };
  assertEquals(await paths(), "/proc /sys /dev /dev/pts /dev/shm");
  assertEquals(
    await paths("/a", "/dev", "/dev/shm", "/proc"),
    "/sys /a /dev /dev/pts /dev/shm /proc",
  );
  const { mounts } = await planMounts("/b", [
    { destination: "/dev", type: "bind", source: "/dev", options: ["rbind"] },
  ]);
  assertEquals(mounts.map(({ path }) => path), ["/proc", "/sys", "/dev"]);
});

Deno.test("files and directories of the host are shared, the kernel's are the guest's own", async () => {
  assertEquals(
    await plan(
      {
        destination: "/data/./x/",
        type: "bind",
        source: "data",
        options: ["rbind", "ro", "rprivate"],
      },
      { destination: "/y", source: "/y", options: ["bind", "shared"] },
      { destination: "/z", type: "none", source: "/proc/sys/../version", options: ["bind"] },
      { destination: "/null", type: "bind", source: "/dev/null" },
    ),
    {
      volumes: [
        { source: "/b/data", destination: "/data/x", readOnly: true },
        {
          source: "/y",
          destination: "/y",
          readOnly: false,
          recursive: false,
          propagation: "rslave",
        },
      ],
      mounts: [
        { path: "/y", propagation: MS_SHARED, type: "bind", fsmap: 1 },
        { path: "/z", type: "bind", source: "/proc/version" },
        { path: "/null", type: "bind", source: "/dev/null" },
      ],
    },
  );
  const { mounts } = await planMounts("/b", [
    { destination: "/data/./x/", type: "bind", source: "data", options: ["ro", "rprivate"] },
  ]);
  assertEquals(mounts.at(-1), {
    path: "/data/x",
    set: RDONLY,
    propagation: MS_PRIVATE | MS_REC,
    type: "bind",
    fsmap: 0,
  });
});

Deno.test("file systems keep their sources and options, control groups are of version 2", async () => {
  assertEquals(
    (await plan(
      { destination: "/cg", type: "cgroup", source: "cgroup", options: ["ro"] },
      { destination: "/q", type: "mqueue", source: "mqueue" },
      { destination: "/h", type: "hugetlbfs", source: "huge", options: ["pagesize=2M"] },
      { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=700"] },
    )).mounts,
    [
      { path: "/cg", set: RDONLY, type: "cgroup2" },
      { path: "/q", type: "mqueue" },
      { path: "/h", type: "hugetlbfs", source: "huge", options: ["pagesize=2M"] },
      { path: "/t", type: "tmpfs", options: ["mode=700"], copyUp: true },
    ],
  );
});

Deno.test("an overlay of host directories is made there", async () => {
  const overlay = (...options: string[]) => ({ destination: "/o", type: "overlay", options });
  assertEquals(
    (await plan(overlay("lowerdir=/a:b:/c\\:d", "upperdir=up", "workdir=/w"))).volumes,
    [{
      source: "/a",
      destination: "/o",
      readOnly: false,
      overlay: { below: ["/b/b", "/c:d"], changes: { upper: "/b/up", work: "/w" } },
    }],
  );
  const { volumes } = await plan(overlay("lowerdir=/a:/b"));
  assertEquals([volumes[0]!.readOnly, volumes[0]!.overlay], [true, {
    below: ["/b"],
    changes: null,
  }]);
  await assertRejects(
    () => plan(overlay("upperdir=/u", "workdir=/w")),
    Failure,
    "needs a lowerdir",
  );
  await assertRejects(
    () => plan(overlay("lowerdir=/a", "upperdir=/u")),
    Failure,
    "or none of them",
  );
});

Deno.test("mounts that cannot be had are refused by their place", async () => {
  const cases = [
    [{ destination: "/./", type: "tmpfs" }, "a mount needs a place below /"],
    [{ type: "tmpfs" }, "a mount needs a place below /"],
    [{ destination: "/m", type: "bind", source: "/a", options: ["ridmap"] }, "mapping users"],
    [{ destination: "/m", type: "bind", source: "/a", uidMappings: [{}] }, "mapping users"],
  ] as const;
  for (const [mount, message] of cases) {
    await assertRejects(
      () =>
        planMounts("/b", [{
          ...mount,
          options: [...(("options" in mount && mount.options) || [])],
          uidMappings: [...(("uidMappings" in mount && mount.uidMappings) || [])],
        }]),
      Failure,
      message,
    );
  }
});

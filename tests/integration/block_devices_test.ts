import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Bench, PODVISOR } from "../harness/podvisor.ts";

const MIB = 2 ** 20;

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

/** An ext4 image with a busybox below `top`. */
async function makeImage(path: string, tree: string, top: string): Promise<void> {
  const root = join(tree, top);
  for (const name of ["bin", "proc", "dev", "sys", "etc"]) {
    await Deno.mkdir(join(root, name), { recursive: true });
  }
  await Deno.copyFile("/bin/busybox", join(root, "bin/busybox"));
  for (const name of ["sh", "cat", "dd", "sleep", "grep", "ls"]) {
    await Deno.symlink("busybox", join(root, "bin", name));
  }
  await Deno.writeTextFile(join(root, "where"), `below ${top}/\n`);
  using image = await Deno.create(path);
  await image.truncate(32 * MIB);
  await run("mkfs.ext4", "-q", "-d", tree, path);
}

Deno.test("disks go into a running VM and come out of it again", async (t) => {
  await using bench = await Bench.make();
  const at = (name: string) => join(bench.state, name);
  const podvisor = async (...args: string[]) => {
    const { code, stdout, stderr } = await bench.podvisor(args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  const start = (name: string, ...args: string[]) =>
    podvisor("container", "run", "-d", "--pod", "p", "--name", name, ...args);
  const exec = (name: string, script: string) =>
    podvisor("container", "exec", name, "sh", "-c", script);
  const disks = async () => {
    const { containers } = JSON.parse(await podvisor("pod", "inspect", "p"));
    return containers.flatMap((each: { disks: { driver: string; index: number }[] }) =>
      each.disks.map(({ driver, index }) => `${driver} ${index}`)
    );
  };
  /** What the guest's kernel has, root image left out. */
  const inGuest = (name: string) => exec(name, "grep -o '[sv]d[b-z]$\\|sd[a-z]$' /proc/partitions");
  await makeImage(at("plain.img"), at("plain"), ".");
  await makeImage(at("nested.img"), at("nested"), "rootfs");
  for (const name of ["one", "two", "three"]) {
    await Deno.writeFile(at(name), new Uint8Array(MIB).fill(name.charCodeAt(0)));
  }
  await podvisor("pod", "run", "p");

  await t.step("an image file is a root file system, written to", async () => {
    await start("plain", at("plain.img"), "/bin/sleep", "1000");
    assertEquals(await exec("plain", "cat /where; echo kept > /file"), "below ./\n");
    const mounts = (await exec("plain", "cat /proc/mounts")).split("\n");
    const [root, ...others] = mounts.filter((line) => line.split(" ")[1] === "/");
    assertMatch(root ?? "", /^\/dev\/sda \/ ext4 rw/);
    assertEquals(others, []);
    assertEquals(await disks(), ["virtio-scsi 0"]);
  });

  await t.step("a directory rootfs in the image is the root where there is one", async () => {
    await start(
      ...[
        "nested",
        "--block-driver",
        "virtio-blk",
        at("nested.img"),
        "/bin/sleep",
        "1000",
      ] as const,
    );
    assertEquals(await exec("nested", "cat /where"), "below rootfs/\n");
    assertMatch(await exec("nested", "cat /proc/mounts"), /^\/dev\/vdb \/ ext4 rw/);
  });

  await t.step("what was written is in the image when its container has been stopped", async () => {
    await podvisor("container", "rm", "--force", "plain");
    assertEquals(await disks(), ["virtio-blk 1"]);
    await run("debugfs", "-R", `dump /file ${at("dumped")}`, at("plain.img"));
    assertEquals(await Deno.readTextFile(at("dumped")), "kept\n");
  });

  await t.step("devices are nodes of the names asked for, over either driver", async () => {
    await start(
      ...["devices", "--device", `${at("one")}:/dev/first`, "--device", `${at("two")}:/dev/x/y:ro`],
      ...["busybox", "sleep", "1000"] as const,
    );
    assertEquals(await disks(), ["virtio-scsi 0", "virtio-scsi 1", "virtio-blk 1"]);
    assertEquals(await exec("devices", "head -c 3 /dev/first; head -c 3 /dev/x/y"), "ooottt");
    await exec("devices", "printf new > /dev/first; sync");
    const write = ["container", "exec", "devices", "sh", "-c", "printf new > /dev/x/y && sync"];
    assertEquals((await bench.podvisor(write)).code !== 0, true);
    await start(
      ...["more", "--block-driver", "virtio-blk", "--device", `${at("three")}:/dev/third`],
      ...["busybox", "sleep", "1000"] as const,
    );
    assertEquals(await exec("more", "head -c 3 /dev/third"), "ttt");
  });

  await t.step(
    "a container uses its own disks and no others, whatever nodes it makes",
    async () => {
      const numbers = (await exec("devices", "stat -c '%t:%T' /dev/first")).trim().split(":");
      const [major, minor] = numbers.map((each) => parseInt(each, 16));
      const read = (name: string) =>
        bench.podvisor(
          [
            ...["container", "exec", name, "sh", "-c"],
            `test -e /dev/made || mknod /dev/made b ${major} ${minor}; head -c 3 /dev/made`,
          ],
        );
      assertEquals((await read("devices")).stdout, "new");
      const refused = await read("more");
      assertEquals([refused.stdout, refused.code], ["", 1]);
      assertStringIncludes(refused.stderr, "Operation not permitted");
    },
  );

  await t.step("the lowest free place is taken again", async () => {
    assertEquals((await disks()).filter((each: string) => each.includes("blk")), [
      "virtio-blk 2",
      "virtio-blk 1",
    ]);
    await podvisor("container", "stop", "--time", "0", "nested");
    await podvisor("container", "start", "nested");
    assertEquals(await exec("nested", "cat /where"), "below rootfs/\n");
    await podvisor("container", "rm", "--force", "nested", "devices");
    assertEquals((await inGuest("more")).trim(), "vdc");
    assertEquals(new TextDecoder().decode((await Deno.readFile(at("one"))).subarray(0, 3)), "new");
    assertEquals(await Deno.readFile(at("two")), new Uint8Array(MIB).fill("t".charCodeAt(0)));
  });

  await t.step("a container that does not start leaves no disk behind", async () => {
    const missing = await bench.podvisor(
      ["container", "run", "--pod", "p", "--name", "bad", at("plain.img"), "/no-such-program"],
    );
    assertEquals(missing.code, 127);
    assertEquals((await inGuest("more")).trim(), "vdc");
    await podvisor("container", "rm", "bad");
    assertEquals(await disks(), ["virtio-blk 2"]);
  });

  await t.step("one disk is not written to from two places", async () => {
    const twice = await bench.podvisor(
      [
        "container",
        "run",
        "--pod",
        "p",
        "--device",
        `${at("three")}:/dev/again`,
        "busybox",
        "true",
      ],
    );
    assertEquals(twice.code, 125);
    assertStringIncludes(twice.stderr, `Cannot plug ${at("three")} into the VM`);
    assertEquals(await disks(), ["virtio-blk 2"]);
  });

  await t.step(
    "a root directory that is a mounted disk is plugged in as that, if wanted",
    async () => {
      const config = at("config.toml");
      await Deno.writeTextFile(config, 'block_root = "plug"\n');
      await Deno.mkdir(at("mounted"));
      // In a mount namespace of its own, so that nothing can be left mounted on the host.
      const script = `mount -o loop,ro ${at("nested.img")} ${at("mounted")} && ` +
        `exec ${PODVISOR.join(" ")} container run --rm --read-only --pod p ${
          at("mounted")
        }/rootfs ` +
        "/bin/sh -c 'cat /where /proc/mounts'";
      const { code, stdout, stderr } = await new Deno.Command("unshare", {
        args: ["--mount", "sh", "-c", script],
        env: { ...bench.env, PODVISOR_CONFIG: config },
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      assertEquals([code, text(stderr)], [0, ""]);
      assertMatch(text(stdout), /^below rootfs\/\n\/dev\/sda \/ ext4 ro/);
    },
  );

  await t.step("a file without a file system is no root", async () => {
    const { code, stderr } = await bench.podvisor(["run", at("one"), "true"]);
    assertEquals(code, 125);
    assertStringIncludes(stderr, "no file system is found on it");
  });

  await podvisor("pod", "rm", "--force", "p");
  await bench.assertNothingLeft();
});

/** Network namespaces: made, opened, entered and deleted. Needs root. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  createNamespace,
  deleteNamespace,
  getLink,
  isSameNamespace,
  listLinks,
  NetlinkError,
  NetlinkSocket,
  openNamespace,
  runIn,
} from "../../lib/network/mod.ts";
import {
  open,
  openNetworkNamespace,
  openSocketIn,
  pipe,
  readDriverInfo,
  readSome,
  spawn,
  SysError,
} from "../../lib/sys/mod.ts";
import { makeSandbox } from "./network_sandbox.ts";

async function withDirectory(test: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "podvisor-test-" });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function openDescriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).toSorted();
}

Deno.test("A namespace is made, is another than ours and is gone after it has been deleted", () =>
  withDirectory((directory) => {
    const path = join(directory, "namespace");
    createNamespace(path);
    try {
      using namespace = openNamespace(path);
      using own = openNamespace(Deno.pid);
      using again = openNamespace(path);
      assert(isSameNamespace(namespace, again));
      assertEquals(isSameNamespace(namespace, own), false);
      using socket = NetlinkSocket.open(namespace);
      assertEquals(listLinks(socket).map(({ name, up }) => [name, up]).slice(0, 1), [[
        "lo",
        false,
      ]]);
    } finally {
      deleteNamespace(path);
    }
    assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
    assertEquals(Deno.readTextFileSync("/proc/self/mounts").includes(directory), false);
  }));

Deno.test("A namespace is not made over a file that is there", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "file");
    await Deno.writeTextFile(path, "precious");
    assertThrows(() => createNamespace(path), SysError, "EEXIST");
    assertThrows(() => deleteNamespace(path), TypeError, "Cannot use");
    assertEquals(await Deno.readTextFile(path), "precious");
    assertThrows(() => createNamespace(join(directory, "none/here")), SysError, "ENOENT");
  }));

Deno.test("What is no network namespace is refused by what it is", () =>
  withDirectory(async (directory) => {
    const fifo = join(directory, "fifo");
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    const cases = [
      ["/proc/self/status", "it is a file of a proc file system"],
      ["/proc/self/ns/mnt", "it is a mount namespace"],
      ["/proc/self/ns/user", "it is a user namespace"],
      ["/sys/class/net", "it is a file of a sysfs file system"],
      [directory, "it is a file of a "],
      [fifo, "it is a file of a "],
    ] as const;
    for (const [path, fact] of cases) {
      const error = assertThrows(() => openNamespace(path), TypeError);
      assertStringIncludes(error.message, `Cannot use ${path} as a network namespace: ${fact}`);
    }
    assertThrows(() => openNamespace(join(directory, "none")), SysError, "ENOENT");
    assertThrows(() => openNamespace(0x7fffffff), SysError, "ENOENT");
  }));

Deno.test("The namespace of a process is found by its pid", async () => {
  await using sandbox = await makeSandbox();
  const command = ["/bin/sleep", "60"];
  const pid = spawn({ command, networkNamespace: sandbox.namespace });
  try {
    using found = openNamespace(pid);
    assert(isSameNamespace(found, sandbox.namespace));
  } finally {
    Deno.kill(pid, "SIGKILL");
  }
});

Deno.test("A program runs in a namespace and its end is told", async () => {
  await using sandbox = await makeSandbox();
  const ends = pipe();
  const script = "readlink /proc/self/ns/net; exit 3";
  const status = await runIn(sandbox.namespace, ["/bin/sh", "-c", script], {
    descriptors: [null, ends.write.number, null],
  });
  ends.write.close();
  const memory = new Uint8Array(100);
  const length = readSome(ends.read.number, memory);
  ends.read.close();
  assertEquals(status, { kind: "exited", code: 3 });
  const inode = Deno.statSync(sandbox.path).ino;
  assertEquals(new TextDecoder().decode(memory.subarray(0, length)), `net:[${inode}]\n`);
});

Deno.test("Sockets of a namespace stay there, and we stay where we are", async () => {
  await using sandbox = await makeSandbox();
  const before = Deno.readLinkSync("/proc/self/ns/net");
  using there = NetlinkSocket.open(sandbox.namespace);
  using here = NetlinkSocket.open();
  await sandbox.run("ip link add name only-there type bridge");
  assertEquals(getLink(there, "only-there").kind, "bridge");
  assertThrows(() => getLink(here, "only-there"), NetlinkError, "(ENODEV)");
  assertEquals(Deno.readLinkSync("/proc/self/ns/net"), before);
});

Deno.test("The driver of an interface is asked in its own namespace", async () => {
  await using sandbox = await makeSandbox();
  await sandbox.run("ip link add name b7 type bridge");
  assertEquals(readDriverInfo(sandbox.namespace, "b7"), { driver: "bridge", bus: "N/A" });
  assertEquals(readDriverInfo(sandbox.namespace, "lo"), undefined);
  assertThrows(() => readDriverInfo(sandbox.namespace, "none"), SysError, "ENODEV");
});

Deno.test("A refused entry leaves no descriptor open", () => {
  const before = openDescriptors();
  using notOne = open("/dev/null", 0);
  assertThrows(() => openSocketIn(notOne, 16, 3), SysError, "setns network namespace");
  notOne.close();
  using namespace = openNetworkNamespace("/proc/self/ns/net");
  assertThrows(() => openSocketIn(namespace, 16, 3, 99), SysError, "socket");
  namespace.close();
  assertEquals(openDescriptors(), before);
});

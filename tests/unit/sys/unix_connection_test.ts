import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  Fd,
  listenUnix,
  pipe,
  readSome,
  SYS,
  syscall,
  UnixConnection,
} from "../../../lib/sys/mod.ts";
import { addressOf } from "../../../lib/sys/syscall.ts";

const SOCK_CLOEXEC = 0o2000000, MSG_CMSG_CLOEXEC = 0x40000000;
const decoder = new TextDecoder();

/** Both ends of a connection: ours, and a bare socket. */
async function connected(use: (ours: UnixConnection, peer: Fd) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "socket");
    using listener = listenUnix(path);
    using ours = UnixConnection.connect(path);
    using peer = new Fd(
      syscall("accept4", path, SYS.accept4, listener.number, 0, 0, SOCK_CLOEXEC),
    );
    await use(ours, peer);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Receives bytes and descriptors (recvmsg(2)). */
function receive(peer: Fd): { text: string; descriptors: number[] } {
  const bytes = new Uint8Array(100);
  const control = new Uint8Array(64);
  const vector = new Uint8Array(BigUint64Array.of(addressOf(bytes), 100n).buffer);
  const header = BigUint64Array.of(0n, 0n, addressOf(vector), 1n, addressOf(control), 64n, 0n);
  const memory = new Uint8Array(header.buffer);
  const count = syscall("recvmsg", "peer", SYS.recvmsg, peer.number, memory, MSG_CMSG_CLOEXEC);
  const length = header[5] === 0n ? 0 : Number(new DataView(control.buffer).getBigUint64(0, true));
  const descriptors = [...new Int32Array(control.buffer, 16, Math.max(length - 16, 0) / 4)];
  return { text: decoder.decode(bytes.subarray(0, count)), descriptors };
}

Deno.test("descriptors go with the bytes that they are sent with, and with no others", async () => {
  await connected(async (ours, peer) => {
    const { read, write } = pipe();
    using _read = read;
    using ending = write;
    const number = await ours.write(new TextEncoder().encode("hello"), [write.number]);
    assertEquals(number, 5);
    const { text, descriptors } = receive(peer);
    assertEquals(text, "hello");
    assertEquals(descriptors.length, 1);
    ending.close();
    using passed = new Fd(descriptors[0]!);
    await Deno.writeTextFile(`/proc/self/fd/${passed.number}`, "through");
    const memory = new Uint8Array(10);
    assertEquals(decoder.decode(memory.subarray(0, readSome(read.number, memory))), "through");
    await ours.write(new TextEncoder().encode("more"));
    assertEquals(receive(peer), { text: "more", descriptors: [] });
  });
});

Deno.test("a read waits for bytes, and ends when either side closes", async () => {
  await connected(async (ours, peer) => {
    const memory = new Uint8Array(10);
    const first = ours.read(memory);
    syscall("write", "peer", SYS.write, peer.number, new TextEncoder().encode("abc"), 3);
    assertEquals(await first, 3);
    assertEquals(decoder.decode(memory.subarray(0, 3)), "abc");
    peer.close();
    assertEquals(await ours.read(memory), null);
  });
  await connected(async (ours) => {
    const pending = ours.read(new Uint8Array(10));
    ours.close();
    assertEquals(await pending, null);
  });
});

Deno.test("more is written than the socket takes at once", async () => {
  await connected(async (ours, peer) => {
    const size = 2_000_000;
    const memory = new Uint8Array(65536);
    const bytes = new Uint8Array(size).fill(7);
    let written = 0, got = 0;
    const writing = (async () => {
      while (written < size) written += await ours.write(bytes.subarray(written));
    })();
    while (got < size) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (written > got) got += readSome(peer.number, memory);
    }
    await writing;
    assertEquals(got, size);
  });
});

Deno.test("a path without a listener, or too long for an address, is refused", () => {
  assertThrows(() => UnixConnection.connect("/nonexistent/socket"), Error, "ENOENT");
  assertThrows(() => UnixConnection.connect("/" + "x".repeat(108)), RangeError, "107 bytes");
});

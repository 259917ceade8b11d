import { EINTR } from "./errno.ts";
import { SysError } from "./error.ts";
import type { Fd } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { AF_UNIX, openSocket, SOL_SOCKET } from "./socket.ts";
import { addressOf, rawSyscall, syscall } from "./syscall.ts";
import { unixAddress } from "./unix_listener.ts";

const SOCK_STREAM = 1, SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000;
/** struct cmsghdr: u64 length, i32 level, i32 type; the data follows. */
const CMSG_HEADER = 16;

/**
 * Connects to a Unix socket (unix(7)).
 *
 * @param flags such as O_NONBLOCK
 * @throws {SysError} when nobody listens there
 * @throws {RangeError} when the path is too long for an address
 */
export function connectUnix(path: string, flags = 0): Fd {
  const address = unixAddress(path);
  const socket = openSocket(AF_UNIX, SOCK_STREAM | flags);
  try {
    syscall("connect", path, SYS.connect, socket.number, address, address.byteLength);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * Sends a descriptor over a Unix socket, with a text beside it. The receiver gets a descriptor of its own.
 *
 * @throws {SysError} when the receiver has gone
 */
export function sendDescriptor(socket: Fd, descriptor: Fd, text: string): void {
  const result = sendMessage(socket, new TextEncoder().encode(text), [descriptor.number], 0);
  if (result < 0) throw new SysError("sendmsg", "a descriptor", -result);
}

/**
 * Sends bytes, and descriptors with the first of them (sendmsg(2), cmsg(3), SCM_RIGHTS).
 *
 * @param descriptors at most 253 (net/scm.h, SCM_MAX_FD)
 * @param flags MSG_…
 * @returns bytes sent, -errno for an error
 */
export function sendMessage(
  socket: Fd,
  bytes: Uint8Array,
  descriptors: readonly number[],
  flags: number,
): number {
  const control = rightsOf(descriptors);
  const vector = words(addressOf(bytes), BigInt(bytes.byteLength));
  // struct msghdr: name and its length, vectors and their count, control data and its length, flags.
  const [address, length] = [addressOf(control), BigInt(control.byteLength)];
  const header = words(0n, 0n, addressOf(vector), 1n, address, length, 0n);
  // What the header points to is passed too, past the call's own arguments: it stays reachable meanwhile.
  const more = [bytes, vector, control];
  for (;;) {
    const all = flags | MSG_NOSIGNAL;
    const result = rawSyscall(SYS.sendmsg, socket.number, header, all, ...more);
    if (result !== -EINTR) return result;
  }
}

/** Control data that passes descriptors; empty without any. */
function rightsOf(descriptors: readonly number[]): Uint8Array {
  if (descriptors.length === 0) return new Uint8Array();
  const length = CMSG_HEADER + 4 * descriptors.length;
  const control = new DataView(new ArrayBuffer(Math.ceil(length / 8) * 8));
  control.setBigUint64(0, BigInt(length), true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  descriptors.forEach((each, at) => control.setInt32(CMSG_HEADER + 4 * at, each, true));
  return new Uint8Array(control.buffer);
}

function words(...values: bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values).buffer);
}

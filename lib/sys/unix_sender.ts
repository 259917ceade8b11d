import { Fd } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { AF_UNIX, openSocket } from "./socket.ts";
import { addressOf, syscall } from "./syscall.ts";
import { unixAddress } from "./unix_listener.ts";

const SOCK_STREAM = 1, SOL_SOCKET = 1, SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000;
/** struct msghdr: name, name length, vectors, their count, control, its length, flags; 8 bytes each. */
const MSGHDR_SIZE = 56;
/** struct cmsghdr (16 bytes: u64 length, i32 level, i32 type) and one descriptor, with and without padding. */
const CMSG_SIZE = 24, CMSG_LENGTH = 20;

/**
 * Connects to a Unix socket (unix(7)).
 *
 * @throws {SysError} when nobody listens there
 * @throws {RangeError} when the path is too long for an address
 */
export function connectUnix(path: string): Fd {
  const address = unixAddress(path);
  const socket = openSocket(AF_UNIX, SOCK_STREAM);
  try {
    syscall("connect", path, SYS.connect, socket.number, address, address.byteLength);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * Sends a descriptor over a Unix socket, with a text beside it (sendmsg(2), cmsg(3), SCM_RIGHTS). The receiver gets a
 * descriptor of its own.
 *
 * @throws {SysError} when the receiver has gone
 */
export function sendDescriptor(socket: Fd, descriptor: Fd, text: string): void {
  const payload = new TextEncoder().encode(text);
  const vector = new BigUint64Array([addressOf(payload), BigInt(payload.byteLength)]);
  const vectorBytes = new Uint8Array(vector.buffer);
  const control = new DataView(new ArrayBuffer(CMSG_SIZE));
  control.setBigUint64(0, BigInt(CMSG_LENGTH), true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  control.setInt32(16, descriptor.number, true);
  const controlBytes = new Uint8Array(control.buffer);
  const header = new DataView(new ArrayBuffer(MSGHDR_SIZE));
  header.setBigUint64(16, addressOf(vectorBytes), true);
  header.setBigUint64(24, 1n, true);
  header.setBigUint64(32, addressOf(controlBytes), true);
  header.setBigUint64(40, BigInt(CMSG_SIZE), true);
  // What the header points to is passed too, past the call's own arguments: it stays reachable meanwhile.
  syscall(
    "sendmsg",
    "a descriptor",
    SYS.sendmsg,
    socket.number,
    new Uint8Array(header.buffer),
    MSG_NOSIGNAL,
    payload,
    vectorBytes,
    controlBytes,
  );
}

import { EINTR } from "./errno.ts";
import { Fd, O_CLOEXEC } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { rawSyscall, type SysArg, syscall } from "./syscall.ts";

/** Address families (linux/socket.h). */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;

/** Kinds of sockets (linux/net.h). */
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;

/** Flags of recv(2). MSG_TRUNC: the answer is the datagram's true length, however much of it fits. */
export const MSG_PEEK = 2;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;

/** Options of every socket (asm-generic/socket.h). */
export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const SO_RCVTIMEO = 20;
export const SO_RCVBUFFORCE = 33;

/**
 * Opens a socket (socket(2)) with O_CLOEXEC, in the network namespace of this process.
 *
 * @throws {SysError}
 */
export function openSocket(family: number, kind: number, protocol = 0): Fd {
  return new Fd(
    syscall("socket", `family ${family}`, SYS.socket, family, kind | O_CLOEXEC, protocol),
  );
}

/** Gives a socket its address (bind(2)). @param address a struct sockaddr_… @throws {SysError} */
export function bindSocket(socket: Fd, address: Uint8Array): void {
  syscall("bind", "a socket", SYS.bind, socket.number, address, address.byteLength);
}

/**
 * Sends one datagram (sendto(2)).
 *
 * @param address a struct sockaddr_…; none for a connected socket
 * @returns bytes sent, -errno for an error
 */
export function sendDatagram(socket: Fd, bytes: Uint8Array, address?: Uint8Array): number {
  const to: SysArg[] = address ? [address, address.byteLength] : [0, 0];
  return retried(SYS.sendto, socket.number, bytes, bytes.byteLength, 0, ...to);
}

/**
 * Receives one datagram (recvfrom(2)); interrupted calls are made again.
 *
 * @param flags MSG_…
 * @param address memory that takes the sender's struct sockaddr_…
 * @returns bytes received (with MSG_TRUNC the datagram's length), -errno for an error
 */
export function receiveDatagram(
  socket: Fd,
  memory: Uint8Array,
  flags = 0,
  address?: Uint8Array,
): number {
  const from: SysArg[] = address
    ? [address, new Uint8Array(new Uint32Array([address.byteLength]).buffer)]
    : [0, 0];
  return retried(SYS.recvfrom, socket.number, memory, memory.byteLength, flags, ...from);
}

/**
 * Sets an option (setsockopt(2)).
 *
 * @param value a C int, or the bytes of a structure
 * @throws {SysError}
 */
export function setSocketOption(
  socket: Fd,
  level: number,
  option: number,
  value: number | Uint8Array,
): void {
  const bytes = typeof value === "number" ? new Uint8Array(new Int32Array([value]).buffer) : value;
  const operand = `option ${option} of level ${level}`;
  syscall(
    "setsockopt",
    operand,
    SYS.setsockopt,
    socket.number,
    level,
    option,
    bytes,
    bytes.byteLength,
  );
}

/** Makes receiving fail with EAGAIN after this many milliseconds; 0 waits for ever. @throws {SysError} */
export function setReceiveTimeout(socket: Fd, milliseconds: number): void {
  // struct timeval: i64 seconds, i64 microseconds.
  const time = new BigInt64Array([
    BigInt(Math.floor(milliseconds / 1000)),
    BigInt(Math.round((milliseconds % 1000) * 1000)),
  ]);
  setSocketOption(socket, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(time.buffer));
}

function retried(number: number, ...args: SysArg[]): number {
  for (;;) {
    const result = rawSyscall(number, ...args);
    if (result !== -EINTR) return result;
  }
}

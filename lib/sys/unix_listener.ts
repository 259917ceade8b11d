import type { Fd } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { AF_UNIX, bindSocket, openSocket } from "./socket.ts";
import { syscall } from "./syscall.ts";

const SOCK_STREAM = 1;
/** unix(7): the path with its zero byte has this much room. */
const PATH_SIZE = 108;

/**
 * A Unix socket that takes connections, to be handed to another program (unix(7), listen(2)).
 *
 * @param path of the socket, which must not be there yet
 * @throws {SysError}
 * @throws {RangeError} when the path is too long for an address
 */
export function listenUnix(path: string, backlog = 1): Fd {
  const address = unixAddress(path);
  const socket = openSocket(AF_UNIX, SOCK_STREAM);
  try {
    bindSocket(socket, address);
    syscall("listen", path, SYS.listen, socket.number, backlog);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** struct sockaddr_un of a path (unix(7)). @throws {RangeError} when it is too long */
export function unixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  if (name.length >= PATH_SIZE) {
    throw new RangeError(
      `Cannot use ${path} as a socket's address: it is longer than ${PATH_SIZE - 1} bytes`,
    );
  }
  const address = new Uint8Array(2 + PATH_SIZE);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

import {
  collectChild,
  type ExitStatus,
  type Fd,
  makeNetworkNamespace,
  openNetworkNamespace,
  openProcess,
  spawn,
  type SpawnOptions,
  unmountNetworkNamespace,
  waitForEnd,
} from "../sys/mod.ts";

/**
 * Makes a network namespace that lives on as a bind mount.
 *
 * @param path of a file that is to be made for it
 * @throws {SysError} when the file exists, its directory does not, or the kernel refuses
 */
export function createNamespace(path: string): void {
  makeNetworkNamespace(path);
}

/**
 * Opens a network namespace: what is done with the descriptor is done there, whatever becomes of the path.
 *
 * @param place path of a bind mount, or pid of a process in it
 * @throws {SysError} when the path cannot be opened, or there is no such process
 * @throws {TypeError} when it is not a network namespace, with what it is
 */
export function openNamespace(place: string | number): Fd {
  return openNetworkNamespace(typeof place === "number" ? `/proc/${place}/ns/net` : place);
}

/**
 * Deletes a network namespace that was made by {@linkcode createNamespace}. It goes on while processes are in it.
 *
 * @throws {TypeError} when the path is something else
 * @throws {SysError} when the path is not a mount
 */
export function deleteNamespace(path: string): void {
  openNetworkNamespace(path).close();
  unmountNetworkNamespace(path);
}

/** Whether two namespaces are one and the same. */
export function isSameNamespace(one: Fd, other: Fd): boolean {
  const [a, b] = [one, other].map((fd) => Deno.statSync(`/proc/self/fd/${fd.number}`));
  return a!.dev === b!.dev && a!.ino === b!.ino;
}

/**
 * Runs a program in a network namespace and waits for its end.
 *
 * @param command program, with its absolute path, and arguments
 * @throws {SysError} when it cannot be started
 */
export async function runIn(
  namespace: Fd,
  command: readonly string[],
  options: Omit<SpawnOptions, "command" | "networkNamespace"> = {},
): Promise<ExitStatus> {
  const pid = spawn({ ...options, command, networkNamespace: namespace });
  using process = openProcess(pid)!;
  await waitForEnd(process);
  return collectChild(pid)!;
}

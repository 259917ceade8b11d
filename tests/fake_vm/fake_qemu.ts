/**
 * Stands in for QEMU and the guest in it: takes QEMU's arguments, makes the same sockets and files, speaks QMP, and
 * answers as the guest's agent would, at once. What a process in it "does" is told by its command: see `FakeGuest`.
 */
import { parseDevices } from "./arguments.ts";
import { FakeGuest } from "./fake_guest.ts";
import { serveMonitor } from "./monitor.ts";

const devices = parseDevices(Deno.args);
const guest = new FakeGuest(() => Deno.exit(0));
// Before whoever starts it can know that it runs, and kill it.
Deno.writeTextFileSync(devices.console, "the fake guest has started\n", { append: true });
// In this order, as QEMU does: when the monitor takes connections, so do the channels.
const control = listen(devices.control);
const stream = listen(devices.stream);
const monitor = listen(devices.monitor);
Deno.writeTextFileSync(devices.pidfile, `${Deno.pid}\n`);

await Promise.all([
  serve(control, (connection) => guest.serveControl(connection)),
  serve(stream, (connection) => guest.serveStream(connection)),
  serve(monitor, (connection) => serveMonitor(connection, () => Deno.exit(0))),
]);

/** In place of a socket that an earlier one has left, as QEMU does. */
function listen(path: string): Deno.UnixListener {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return Deno.listen({ transport: "unix", path });
}

/** One connection at a time, as QEMU's sockets do. */
async function serve(
  listener: Deno.UnixListener,
  handle: (connection: Deno.Conn) => Promise<void>,
): Promise<void> {
  for await (const connection of listener) {
    // A host that goes away in the middle is nothing to a guest.
    await handle(connection).catch(() => connection.close());
  }
}

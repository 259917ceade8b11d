import { join } from "@std/path";
import { parseDevices } from "../fake_vm/arguments.ts";
import { FakeGuest } from "../fake_vm/fake_guest.ts";
import { serveMonitor } from "../fake_vm/monitor.ts";

const END = "end of arguments";

/**
 * Serves as the QEMU of any number of pods, one at a time, from within this process: the program that the launcher
 * starts only hands over its arguments and waits to be killed, so that no time of a stand-in's own start is measured.
 */
export class FakeVms implements Disposable {
  /** The program, for `PODVISOR_QEMU`. */
  readonly program: string;
  readonly #reports: Deno.FsFile;

  private constructor(program: string, reports: Deno.FsFile) {
    this.program = program;
    this.#reports = reports;
  }

  /** @param place where to put the program, in a directory of its own: a thread may still read an older one's reports */
  static async make(place: string): Promise<FakeVms> {
    const directory = await Deno.makeTempDir({ dir: place });
    const program = join(directory, "fake-qemu"), fifo = join(directory, "fake-qemu.fifo");
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    const script = `#!/bin/sh\nprintf '%s\\0' "$$" "$@" '${END}' >'${fifo}'\nexec sleep 3600\n`;
    await Deno.writeTextFile(program, script, { mode: 0o755 });
    const vms = new FakeVms(program, await Deno.open(fifo, { read: true, write: true }));
    // Closing what it reads from ends it.
    vms.#serve().catch((error) => {
      if (!(error instanceof Deno.errors.Interrupted)) throw error;
    });
    return vms;
  }

  async #serve(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    const decoder = new TextDecoder();
    let text = "";
    for (let count; (count = await this.#reports.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, count));
      for (
        let end;
        (end = text.indexOf(`${END}\0`)) >= 0;
        text = text.slice(end + END.length + 1)
      ) {
        const [pid, ...args] = text.slice(0, end).split("\0");
        startVm(Number(pid), args);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#reports.close();
  }
}

/** See `tests/fake_vm/fake_qemu.ts`, which does the same in a process of its own. */
function startVm(pid: number, args: readonly string[]): void {
  const devices = parseDevices(args);
  const end = () => Deno.kill(pid, "SIGKILL");
  const guest = new FakeGuest(() => {});
  serve(devices.control, (connection) => guest.serveControl(connection));
  serve(devices.stream, (connection) => guest.serveStream(connection));
  Deno.writeTextFileSync(devices.pidfile, `${pid}\n`);
  serve(devices.monitor, (connection) => serveMonitor(connection, end));
}

/** What a pod's end does to its connections is nothing to a guest. */
async function serve(path: string, handle: (connection: Deno.Conn) => Promise<void>) {
  const listener = Deno.listen({ transport: "unix", path });
  for await (const connection of listener) {
    await handle(connection).catch(() => {});
    try {
      connection.close();
    } catch {
      continue;
    }
  }
}

import { type Fd, O_RDWR, open, pause } from "../../sys/mod.ts";

const PORTS = "/sys/class/virtio-ports";
const PATIENCE = 5000, PAUSE = 20;

/**
 * Opens the virtio console port of a name, waiting a little for the device.
 *
 * @throws {Error} when the machine has no such port
 */
export async function openPort(name: string): Promise<Fd> {
  for (let waited = 0;; waited += PAUSE) {
    const node = findPort(name);
    if (node !== undefined) return open(`/dev/${node}`, O_RDWR);
    if (waited >= PATIENCE) throw new Error(`Cannot open port ${name}: there is no such port`);
    await pause(PAUSE);
  }
}

function findPort(name: string): string | undefined {
  try {
    for (const { name: node } of Deno.readDirSync(PORTS)) {
      if (Deno.readTextFileSync(`${PORTS}/${node}/name`).trim() === name) return node;
    }
  } catch { /* the driver has not been loaded yet */ }
  return undefined;
}

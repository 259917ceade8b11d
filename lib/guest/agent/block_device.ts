import { O_RDONLY, open, pause } from "../../sys/mod.ts";
import { loadModules } from "./modules.ts";
import { note } from "./note.ts";
import { Refusal } from "./runtime.ts";

const PATIENCE = 5000, PAUSE = 10;
/** open(2): on a block device it fails while the device is mounted. */
const O_EXCL = 0o200;

/**
 * The node of a disk that the host has plugged in, waited for.
 *
 * @param name below /dev, such as `vdb`
 * @throws {Refusal} when it does not appear
 */
export async function blockDevice(name: string): Promise<string> {
  if (!/^[a-z0-9]{1,32}$/.test(name)) throw new Refusal(`Cannot use device ${name}: invalid name`);
  const path = `/dev/${name}`;
  await appearing(name, () => {
    try {
      if (!Deno.statSync(path).isBlockDevice) return undefined;
      // The node is there a moment before the disk is (ENXIO).
      open(path, O_RDONLY).close();
      return true;
    } catch {
      return undefined;
    }
  }, () => writeTo("/sys/bus/pci/rescan", "1"));
  return path;
}

/**
 * The node of a SCSI disk, waited for.
 *
 * @param address `id:lun`
 * @throws {Refusal} when it does not appear
 */
export async function scsiDevice(address: string): Promise<string> {
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(address);
  if (!match) throw new Refusal(`Cannot use SCSI address ${address}: it is not id:lun`);
  const [, id, lun] = match;
  loadModules("scsi");
  const rescan = () => {
    for (const host of list("/sys/class/scsi_host")) {
      writeTo(`/sys/class/scsi_host/${host}/scan`, `0 ${id} ${lun}`);
    }
  };
  const name = await appearing(address, () => {
    const disk = list("/sys/class/scsi_disk").find((each) => each.endsWith(`:0:${id}:${lun}`));
    return disk && list(`/sys/class/scsi_disk/${disk}/device/block`)[0];
  }, rescan);
  return await blockDevice(name);
}

/** Waits until a disk is mounted nowhere any more: then all that was written to it has reached it. */
export async function diskReleased(path: string): Promise<void> {
  for (let waited = 0; waited < PATIENCE; waited += PAUSE) {
    try {
      open(path, O_RDONLY | O_EXCL).close();
      return;
    } catch {
      await pause(PAUSE);
    }
  }
  note(`${path} is still in use`);
}

async function appearing<T>(
  name: string,
  look: () => T | undefined,
  rescan: () => void,
): Promise<T> {
  const found = look();
  if (found !== undefined) return found;
  rescan();
  for (let waited = 0; waited < PATIENCE; waited += PAUSE) {
    const appeared = look();
    if (appeared !== undefined) return appeared;
    await pause(PAUSE);
  }
  throw new Refusal(`Timed out waiting for device ${name}`);
}

function list(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** There may be no such bus. */
function writeTo(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text);
  } catch { /* then the device will not appear, which is what gets reported */ }
}

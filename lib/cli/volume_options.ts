import { isAbsolute, resolve } from "@std/path";
import type { Failure } from "../failure.ts";
import type { VolumeConfig } from "../pod/mod.ts";
import { infoOf } from "./info_of.ts";
import { badValue } from "./options.ts";

/** Where the guest's kernel shows itself in a container. */
const KERNEL_PLACES = ["/proc", "/sys"];

/**
 * Reads the values of `--volume`: `SRC:DST[:OPTION,…]`, options as other engines have them.
 *
 * @throws {Failure} naming what does not make sense
 */
export async function readVolumes(texts: readonly string[]): Promise<VolumeConfig[]> {
  const volumes: VolumeConfig[] = [];
  for (const text of texts) volumes.push(await readVolume(text));
  return volumes;
}

async function readVolume(text: string): Promise<VolumeConfig> {
  const bad = (why: string) => badValue("volume", text, why);
  const [source = "", place = "", words = "rw", ...rest] = text.split(":");
  if (source === "" || !isAbsolute(place) || rest.length > 0) {
    throw bad("SRC:DST or SRC:DST:OPTIONS is needed, DST an absolute path");
  }
  const destination = resolve(place);
  const path = resolve(source);
  await checkPlaces(path, destination, bad);
  const volume: VolumeConfig = { source: path, destination, readOnly: false };
  for (const word of words.split(",")) readOption(volume, word, bad);
  if (volume.readOnly && volume.propagation === "rslave") {
    throw bad("with rslave it cannot be read-only: what the host mounts there later is not");
  }
  return volume;
}

async function checkPlaces(
  path: string,
  destination: string,
  bad: (why: string) => Failure,
): Promise<void> {
  const info = await infoOf(path);
  if (!info) throw bad(`there is no ${path}`);
  if (destination === "/") throw bad("/ is the root file system's place");
  const kernel = KERNEL_PLACES.find((each) => `${destination}/`.startsWith(`${each}/`));
  if (kernel) throw bad(`${kernel} is what the VM's kernel shows of itself`);
  if (destination === "/dev" && path !== "/dev") {
    throw bad("on /dev goes nothing but /dev, which then is the VM's own");
  }
  if (info.isBlockDevice) throw bad(`${path} is a block device: give it with --device`);
  if (info.isCharDevice) throw bad(`${path} is a device of the host, which the VM does not have`);
}

function readOption(volume: VolumeConfig, word: string, bad: (why: string) => Failure): void {
  switch (word) {
    case "ro":
    case "rw":
      volume.readOnly = word === "ro";
      return;
    case "private":
    case "rprivate":
      volume.propagation = "rprivate";
      return;
    case "slave":
    case "rslave":
      volume.propagation = "rslave";
      return;
    case "shared":
    case "rshared":
      throw bad(`${word} cannot be: what is mounted in a VM is not seen on the host; rslave can`);
    default:
      throw bad(
        `the option ${JSON.stringify(word)} is unknown: ro, rw, rprivate, rslave are known`,
      );
  }
}

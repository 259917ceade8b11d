import { join } from "@std/path";
import type { GuestDevices, GuestPort } from "../agent.ts";

/** Tag by which the guest finds the shared directory. */
export const MOUNT_TAG = "hyperShared";

/** Sockets of the two ports, where the configuration says. */
export interface SocketPaths {
  control: string;
  stream: string;
}

/**
 * The guest's two serial ports, control first (seed-walkthrough 3.1).
 *
 * @param directory the pod's, for the paths that the configuration leaves open
 */
export function guestPorts(directory: string, paths: Partial<SocketPaths> = {}): GuestPort[] {
  const { control = join(directory, "ctl.sock"), stream = join(directory, "tty.sock") } = paths;
  return [control, stream].map((hostPath, index) => ({
    deviceId: `channel${index}`,
    backendId: `charch${index}`,
    hostPath,
    name: `sh.hyper.channel.${index}`,
  }));
}

/** All that a VM must have for a guest of this protocol. */
export function guestDevices(paths: SocketPaths, share: string): GuestDevices {
  return { ports: guestPorts("", paths), share: { path: share, tag: MOUNT_TAG } };
}

import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import type { AgentPlaces, GuestPort } from "../agent.ts";

/** Tag by which the guest finds the shared directory. */
export const MOUNT_TAG = "hyperShared";
/** Longest path of a socket, in bytes: `sun_path` of unix(7), but for its last zero. */
const MAX_SOCKET_PATH = 107;

/**
 * The guest's two serial ports, control first (seed-walkthrough 3.1).
 *
 * @throws {Failure} for a path that is too long for a socket: cut short it would be another pod's
 */
export function guestPorts({ directory, sockets = {} }: AgentPlaces): GuestPort[] {
  const { control = join(directory, "ctl.sock"), stream = join(directory, "tty.sock") } = sockets;
  return [control, stream].map((hostPath, index) => ({
    deviceId: `channel${index}`,
    backendId: `charch${index}`,
    hostPath: checkLength(hostPath),
    name: `sh.hyper.channel.${index}`,
  }));
}

function checkLength(path: string): string {
  const { length } = new TextEncoder().encode(path);
  if (length <= MAX_SOCKET_PATH) return path;
  throw new Failure(
    `Cannot use ${path} as a socket: it has ${length} bytes, ${MAX_SOCKET_PATH} are the most`,
    { hint: "Choose a shorter path: --root or PODVISOR_STATE, or a shorter name for the pod" },
  );
}

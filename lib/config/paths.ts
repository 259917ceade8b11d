import { isAbsolute, join, resolve } from "@std/path";
import { Failure } from "../failure.ts";

/** Where podvisor keeps things. Root's places are the system's, other users' are those of the XDG base directories. */
export interface Paths {
  /** Pods and their sockets: gone at the next boot. `PODVISOR_STATE` or `--root`. */
  state: string;
  /** Built guests and templates: can be built again. `PODVISOR_CACHE`. */
  cache: string;
}

/** What the places are chosen by. */
export interface PathInputs {
  env: Readonly<Record<string, string>>;
  uid: number;
  /** `--root`. */
  root?: string;
}

/** Longest state directory for which every socket of a pod fits into the 107 bytes of a socket address. */
const MAX_STATE_PATH = 107 - "/pods//proxy.sock".length - 64;

/**
 * The directories in use.
 *
 * @throws {Failure} when the state directory is so long that sockets in it would have no valid address
 */
export function findPaths(inputs: PathInputs = hostInputs()): Paths {
  const { env, uid, root } = inputs;
  const state = root ?? env.PODVISOR_STATE ?? (uid === 0 ? "/run/podvisor" : userState(env, uid));
  const cache = env.PODVISOR_CACHE ?? (uid === 0 ? "/var/cache/podvisor" : userCache(env));
  const paths = { state: resolve(state), cache: resolve(cache) };
  if (new TextEncoder().encode(paths.state).length > MAX_STATE_PATH) {
    throw new Failure(
      `Cannot use the state directory ${paths.state}: its path is longer than ${MAX_STATE_PATH} bytes`,
      { hint: "Choose a shorter one with --root DIR or PODVISOR_STATE" },
    );
  }
  return paths;
}

function hostInputs(): PathInputs {
  return { env: Deno.env.toObject(), uid: Deno.uid() ?? 0 };
}

function userState(env: Readonly<Record<string, string>>, uid: number): string {
  return absolute(env.XDG_RUNTIME_DIR, "podvisor") ?? `/tmp/podvisor-${uid}`;
}

function userCache(env: Readonly<Record<string, string>>): string {
  return absolute(env.XDG_CACHE_HOME, "podvisor") ?? absolute(env.HOME, ".cache/podvisor") ??
    "/tmp/podvisor-cache";
}

/** The base directory specification: a relative value is to be ignored. */
function absolute(base: string | undefined, below: string): string | undefined {
  return base !== undefined && isAbsolute(base) ? join(base, below) : undefined;
}

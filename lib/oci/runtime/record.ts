import type { Hooks } from "../hooks.ts";
import type { ProcessIdentity } from "../../sys/mod.ts";

/** What is kept of a container that an engine has made, beside the records of its pod. */
export interface RuntimeRecord {
  version: 1;
  id: string;
  /** The pod that it is in. */
  pod: string;
  /** Its name in there. */
  container: string;
  /** The pod was made for it, and ends with it. */
  ownsPod: boolean;
  /** Absolute. */
  bundle: string;
  /** Absolute. */
  rootfs: string;
  /** When it was made: RFC 3339, UTC. */
  created: string;
  annotations: Record<string, string>;
  /** The command that is still making it; null for one that is made. */
  maker: ProcessIdentity | null;
  /** The engine's process that looks after it, where it is known to be one. */
  monitor: ProcessIdentity | null;
  /** Its shim. */
  process: ProcessIdentity | null;
  /** Network namespace that was made for it: engines may put interfaces there until it is started. */
  ownNetwork: string | null;
  /** Directories of its control groups on the host. */
  cgroups: string[];
  /** Programs that its bundle has run at points of its life. */
  hooks: Hooks;
}

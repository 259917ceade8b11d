import { ForeignShim } from "./foreign_shim.ts";
import { Shim, type ShimOptions, type ShimResult } from "./shim.ts";

/** Which program carries a process's streams. */
export type ShimProgram =
  | { kind: "builtin" }
  /** The original, at this path. */
  | { kind: "cc-shim"; path: string }
  /** Nobody: the process's output is lost, and so is its exit status. */
  | { kind: "noop" };

/** A shim that this process has. */
export interface ForegroundShim {
  /** Serves the process until it has ended. */
  run(): Promise<ShimResult>;
  /** Sends a signal to the process. */
  signal(number: number): Promise<void>;
  /** Lets go of the process: {@linkcode ForegroundShim.run} ends. */
  close(): void;
}

/** Makes the shim that a pod is to have, for a process with this process's streams. */
export function makeShim(program: ShimProgram, options: ShimOptions): ForegroundShim {
  if (program.kind === "cc-shim") return new ForeignShim(program.path, options);
  return program.kind === "noop" ? new NoopShim() : new Shim(options);
}

/** Takes every process to have ended well at once. */
class NoopShim implements ForegroundShim {
  run(): Promise<ShimResult> {
    return Promise.resolve({ kind: "exited", code: 0 });
  }

  async signal(): Promise<void> {}

  close(): void {}
}

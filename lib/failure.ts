/** What a {@linkcode Failure} carries beside its message. */
export interface FailureOptions {
  /** What the operator can do about it: one sentence or a command, without a full stop. */
  hint?: string;
  /** The error underneath. */
  cause?: unknown;
  /** Process exit code that a script should see when this ends the command. Default 125. */
  exitCode?: number;
}

/**
 * An error that ends an operation and is meant for the operator: what failed, on what and why, with a hint of what to
 * do next where there is one.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 125;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

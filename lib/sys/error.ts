import { ERRNO } from "./errno.ts";

/** A system call that failed: which, on what, and why by the kernel's own error number. */
export class SysError extends Error {
  override readonly name = "SysError";
  /** Name of the error number, such as `ENOENT`. */
  readonly code: string;

  /**
   * @param call system call, such as `mount`
   * @param operand what it was called on: a path, a descriptor, a pid
   * @param errno positive error number
   */
  constructor(readonly call: string, readonly operand: string, readonly errno: number) {
    const [code, meaning] = ERRNO[errno] ?? [`errno ${errno}`, "unknown error"];
    super(`${call} ${operand}: ${meaning} (${code})`);
    this.code = code;
  }
}

/** Whether `error` is a failed system call with one of these error numbers. */
export function isSysError(error: unknown, ...errnos: number[]): error is SysError {
  return error instanceof SysError && errnos.includes(error.errno);
}

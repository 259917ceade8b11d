import { ERRNO } from "../../sys/mod.ts";

/** What the kernel said, in its extended answer (linux/netlink.h, enum nlmsgerr_attrs). */
export interface KernelAnswer {
  /** Positive error number; 0 for success. */
  errno: number;
  /** The kernel's own words, "" when it had none. */
  text: string;
  /** Type of an attribute that was missing from the request. */
  missing?: number;
}

/** A request that the kernel refused, or that got no usable answer. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  /** Name of the error number, such as `EEXIST`. */
  readonly code: string;
  /** Positive error number (errno.h). */
  readonly errno: number;
  /** The kernel's own words, "" when it had none. */
  readonly kernelText: string;

  /** @param operation what was asked for, such as `add link "eth0"` */
  constructor(readonly operation: string, answer: KernelAnswer) {
    const [code, meaning] = ERRNO[answer.errno] ?? [`errno ${answer.errno}`, "unknown error"];
    const words = answer.text.replace(/[.\s]+$/, "") || meaning;
    const missing = answer.missing === undefined ? "" : `, attribute ${answer.missing} is missing`;
    super(`Cannot ${operation}: ${words} (${code})${missing}`);
    this.code = code;
    this.errno = answer.errno;
    this.kernelText = answer.text;
  }
}

/** Whether `error` is a request that the kernel refused with one of these error numbers. */
export function isNetlinkError(error: unknown, ...errnos: number[]): error is NetlinkError {
  return error instanceof NetlinkError && errnos.includes(error.errno);
}

/** A message that breaks netlink's own rules; whoever knows the operation says so in its place. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

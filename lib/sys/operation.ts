import type { Words } from "./memory.ts";
import type { SysArg } from "./syscall.ts";

/** The result of a call that will have been made by then: an argument for later calls. */
export class Result {
  constructor(readonly index: number) {}
}

export type ChildArg = SysArg | Result | Words;

/** One system call of a child's program. */
export interface Operation {
  call: string;
  operand: string;
  number: number;
  args: ChildArg[];
  /** STOP, IGNORE or SPLIT; from SPLIT on, how many operations are the child's alone. */
  onError: number;
}

export const STOP = 0, IGNORE = 1, SPLIT = 2;
/** nr, six addresses of arguments, the address for the result, what an error means. */
export const WORDS_PER_OPERATION = 9;

import { encodeControlFrame, GoCode } from "../../hyperstart/mod.ts";

/** The answer to a command that has failed. */
export function errorFrame(text: string): Uint8Array {
  return encodeControlFrame(GoCode.ERROR, new TextEncoder().encode(text));
}

/** The words of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

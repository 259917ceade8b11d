import { dialectOfVersion, GoCode, type GuestDialect } from "../hyperstart/mod.ts";
import { type GuestControl, GuestError } from "./guest_control.ts";

/**
 * Finds out which guest it is by GETVERSION: C hyperstart answers with its version, the Go agent with ERROR.
 *
 * @throws {Error} when the guest does not answer
 */
export async function probeDialect(control: GuestControl): Promise<GuestDialect> {
  try {
    return dialectOfVersion(await control.request(GoCode.GETVERSION, new Uint8Array(0)));
  } catch (error) {
    if (error instanceof GuestError) return "go";
    throw error;
  }
}

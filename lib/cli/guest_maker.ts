import type { Paths } from "../config/mod.ts";
// Past its room's face, which brings along what a guest is made with.
import { buildGuest, type GuestImage } from "../guest/image/build.ts";

/** Gives out the guest for a kernel. Default: the built-in one's. */
export type GuestMaker = (kernel?: string) => Promise<GuestImage>;

/**
 * Gives out the built-in guest, which is built if it is not there yet: for each kernel once.
 *
 * @param onStep told of each step that takes time
 */
export function guestMaker(
  paths: Paths,
  onStep: (step: string) => void,
): GuestMaker {
  const made = new Map<string | undefined, Promise<GuestImage>>();
  return (kernel) => {
    const known = made.get(kernel) ?? buildGuest({
      cacheDir: paths.cache,
      ...(kernel === undefined ? {} : { kernel }),
      onStep,
    });
    made.set(kernel, known);
    return known;
  };
}

import { readFile } from "./guest_files.ts";

/** Entries of an array that takes 8 KiB; of such arrays more than two of V8's pages for new objects, of 256 KiB, are full. */
const ENTRIES = 1024, MOST = 64;

/**
 * Makes new objects until V8 has taken a new page for them from the kernel: that takes the kernel some time, and would
 * otherwise be, as chance has it, in the first start of a container after a restore.
 */
export function startHeapPage(): void {
  const before = mappedPages();
  const objects: number[][] = [];
  while (objects.length < MOST && mappedPages() === before) {
    objects.push(new Array(ENTRIES).fill(0));
  }
}

/** How much this process has mapped, in pages (proc(5), statm). */
function mappedPages(): string {
  return readFile("/proc/self/statm").split(" ", 1)[0]!;
}

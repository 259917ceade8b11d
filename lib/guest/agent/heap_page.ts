import { readFile } from "./guest_files.ts";

/** Entries of an array that takes 8 KiB, and how many of these fill more than one of V8's pages for new objects. */
const ENTRIES = 1024, MOST = 64;
/** Such a page, of 256 KiB, in pages of the kernel's. */
const HEAP_PAGE = 64;

/**
 * Makes new objects until V8 has taken a new page for them from the kernel: that takes the kernel some time, and would
 * otherwise be, as chance has it, in the first start of a container after a restore.
 */
export function startHeapPage(): void {
  let objects: number[] = [];
  for (let made = 0, mapped = mappedPages(); made < MOST; made++) {
    objects = new Array(ENTRIES).fill(objects.length);
    const now = mappedPages();
    if (now - mapped >= HEAP_PAGE) return;
    mapped = now;
  }
}

/** How much this process has mapped, in pages of the kernel's (proc(5), statm). */
function mappedPages(): number {
  return Number(readFile("/proc/self/statm").split(" ", 1)[0]);
}

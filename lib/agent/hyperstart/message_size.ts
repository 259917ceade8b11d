/** Bytes of a control message's header. */
const MESSAGE_HEADER = 8;
/** Bytes that the proxy may add to a message with a process: `"stdio":N,"stderr":N,`, each N with up to 20 digits. */
const SEQUENCES = 59;
/** How many of its largest parts an error names. */
const NAMED_PARTS = 3;

/**
 * Refuses a message that is longer than the way to the guest allows: the original proxies' control channel is wedged
 * for good by one that they refuse.
 *
 * @param most bytes, header included
 * @throws {Error} naming the largest parts
 */
export function checkSize(name: string, message: object, most: number): void {
  const added = "process" in message ? SEQUENCES : 0;
  const total = sizeOf(message) + added + MESSAGE_HEADER;
  if (total <= most) return;
  const parts = partsOf(message)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, NAMED_PARTS)
    .map(({ key, bytes }) => `${key} ${bytes}`);
  throw new Error(
    `Cannot send ${name} to the guest: it has ${total} bytes, ${most} are the most ` +
      `(${parts.join(", ")})`,
  );
}

/** The parts of a message, and those of its process. */
function partsOf(message: object): { key: string; bytes: number }[] {
  return Object.entries(message).flatMap(([key, value]) => {
    if (key !== "process") return [{ key, bytes: sizeOf(value) }];
    return partsOf(value as object).map((part) => ({ ...part, key: `process.${part.key}` }));
  });
}

function sizeOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value) ?? "").length;
}

import type { QmpEvent } from "./qmp.ts";

/** How long a guest may take to let go of a device, in milliseconds. */
const PATIENCE = 10_000;

/** Waits for QEMU's word that a device is gone (QMP: DEVICE_DELETED). */
export class Deletions {
  readonly #seen = new Set<unknown>();
  readonly #waiting = new Map<string, () => void>();

  /** @param patience milliseconds */
  constructor(readonly patience = PATIENCE) {}

  take({ name, data }: QmpEvent): void {
    if (name !== "DEVICE_DELETED") return;
    this.#seen.add(data.device);
    if (typeof data.device === "string") this.#waiting.get(data.device)?.();
  }

  /** Whether the device has gone, or goes in time. */
  async wait(device: string): Promise<boolean> {
    if (this.#seen.has(device)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), this.patience);
    this.#waiting.set(device, () => resolve(true));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(device);
    }
  }
}

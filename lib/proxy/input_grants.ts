import { parseGrants, type StreamFrame } from "../hyperstart/mod.ts";
import type { OutputSink } from "./guest_streams.ts";
import type { Session } from "./session.ts";

/** Takes what the guest says of the stdin that it has taken; nothing of it is for a shim. */
export class InputGrants implements OutputSink {
  readonly #find: (sequence: number) => Session | undefined;

  constructor(find: (sequence: number) => Session | undefined) {
    this.#find = find;
  }

  convert({ payload }: StreamFrame): boolean {
    for (const { sequence, bytes } of parseGrants(payload)) {
      this.#find(sequence)?.grantInput(bytes);
    }
    return false;
  }

  output(): void {}
}

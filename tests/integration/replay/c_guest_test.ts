import { replayCGuest } from "./c_guest_replay.ts";
import { recordedSession } from "./recording.ts";

for (const [name, version] of [["step2-hs07", 4242], ["step2-hs11", 4244]] as const) {
  const steps = recordedSession(name);
  if (!steps) continue;
  Deno.test(`a C guest of the recorded session ${name} gets through the proxy what it got, and is understood`, async () => {
    await replayCGuest(steps, Uint8Array.of(0, 0, version >> 8, version & 0xff));
  });
}

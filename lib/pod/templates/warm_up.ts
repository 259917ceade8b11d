import type { Agent } from "../../agent/mod.ts";
import { Failure } from "../../failure.ts";
import { getLogger } from "../../log.ts";
import { Shim } from "../../shim/mod.ts";
import { SIGNALS } from "../../sys/mod.ts";
import type { ContainerConfig } from "../records.ts";
import { guestContainer, passingContainer } from "../share.ts";

/** Name of the throw-away containers. */
export const WARM_UP = "warm-up";
const ROUNDS = 10, ROUNDS_OF_ENGINES = 4;

/** The stdin of a throw-away container: it has ended, or has something in it and then ends, or stays open. */
type Input = "ended" | "some" | "open";

/**
 * Runs throw-away containers, with and without a further process, on pipes and on a terminal, with input and without:
 * what starts and ends need has then been loaded and compiled in the guest.
 *
 * @param config of a container with busybox, whose root is shared as {@linkcode WARM_UP}'s
 * @param engines the same with what engines ask for, of which all is shared
 * @throws {Failure} when one does not end as it should
 */
export async function warmUp(
  agent: Agent,
  config: ContainerConfig,
  engines: ContainerConfig,
): Promise<void> {
  await warmUpForEngines(agent, engines);
  for (let round = 0; round < ROUNDS; round++) {
    const [args, input] = round === 0 ? [["cat"], "some" as const] : [["true"], "ended" as const];
    const kind = { terminal: round === 1, held: round % 2 === 0, passing: round < 2 || round > 5 };
    await (await start(agent, config, args, input, kind)).endsWith(0);
    await agent.removeContainer(WARM_UP);
  }
  // The last one leaves the guest as it is to be for the first one of a pod: see `guestRoot`.
  const waiting = await start(agent, config, ["cat"], "open", { passing: true });
  for (const terminal of [false, true]) {
    const command = { ...config.command, args: ["true"], terminal };
    const further = await run(
      agent,
      ["true"],
      "ended",
      (token) => agent.exec(WARM_UP, command, token),
    );
    await further.endsWith(0);
  }
  await agent.killContainer(WARM_UP, SIGNALS.KILL!, true);
  await waiting.endsWith(128 + SIGNALS.KILL!);
  await agent.removeContainer(WARM_UP);
}

/** A kernel of somebody else's may lack what engines ask for: such a guest can still be saved. */
async function warmUpForEngines(agent: Agent, config: ContainerConfig): Promise<void> {
  try {
    for (let round = 0; round < ROUNDS_OF_ENGINES; round++) {
      const asked = { ...config, readOnlyRoot: round > 1 };
      await (await start(agent, asked, ["true"], "ended", { held: round % 2 === 0 })).endsWith(0);
      await agent.removeContainer(WARM_UP);
    }
  } catch (error) {
    getLogger("template").warn("guest not warmed up for containers of engines", { error });
    // It may have been made all the same.
    await agent.removeContainer(WARM_UP).catch(() => {});
  }
}

/**
 * Runs one throw-away container.
 *
 * @param config of a container with busybox, whose root is shared as {@linkcode WARM_UP}'s
 * @throws {Failure} when it does not end as it should
 */
export async function prime(agent: Agent, config: ContainerConfig): Promise<void> {
  await (await start(agent, config, ["true"], "ended", { passing: true })).endsWith(0);
  await agent.removeContainer(WARM_UP);
}

async function start(
  agent: Agent,
  config: ContainerConfig,
  args: string[],
  input: Input,
  { terminal = false, held = false, passing = false } = {},
) {
  return await run(agent, args, input, async (token) => {
    const container = (passing ? passingContainer : guestContainer)(WARM_UP, config, []);
    const command = { ...container.command, args, terminal };
    // Both ways that a start can go.
    if (held && await agent.holdContainer({ ...container, command }, token)) {
      return await agent.releaseContainer(WARM_UP);
    }
    await agent.startContainer({ ...container, command }, token);
  });
}

async function run(
  agent: Agent,
  args: readonly string[],
  input: Input,
  start: (token: string) => Promise<void>,
): Promise<{ endsWith(code: number): Promise<void> }> {
  const { url, token } = await agent.reserveStreams();
  const nowhere = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length) };
  const shim = new Shim({
    url,
    token,
    container: WARM_UP,
    interactive: input === "some",
    stdin: someBytes(),
    shared: input === "open",
    terminal: false,
    stdout: nowhere,
    stderr: nowhere,
  });
  const result = shim.run();
  try {
    await start(token);
  } catch (error) {
    shim.close();
    await result;
    throw error;
  }
  return {
    async endsWith(code) {
      const ended = await result;
      if (ended.kind === "exited" && ended.code === code) return;
      const how = ended.kind === "exited" ? `with ${ended.code}` : `: ${ended.reason}`;
      throw new Failure(`Cannot warm the guest up: ${args.join(" ")} ended ${how}`);
    },
  };
}

/** A stdin with something in it. */
function someBytes(): { read(into: Uint8Array): Promise<number | null> } {
  let left = new TextEncoder().encode("some\n");
  return {
    read(into) {
      const piece = left.subarray(0, into.length);
      into.set(piece);
      left = left.subarray(piece.length);
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
  };
}

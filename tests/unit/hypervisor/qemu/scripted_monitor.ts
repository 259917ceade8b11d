import { QmpClient } from "../../../../lib/hypervisor/mod.ts";
import { FakeMonitor } from "./fake_monitor.ts";

type Answer = unknown | { error: { class: string; desc: string } };

/** Uses a monitor that gives these answers, one after the other; returns the commands that it got. */
export async function withMonitor(
  answers: readonly Answer[],
  use: (client: QmpClient) => Promise<void>,
): Promise<[string, unknown][]> {
  using monitor = await FakeMonitor.start();
  const opening = QmpClient.open(monitor.connection);
  await monitor.negotiate();
  using client = await opening;
  const commands: [string, unknown][] = [];
  const serving = (async () => {
    for (const answer of answers) {
      const { execute, arguments: args, id } = await monitor.receive();
      commands.push([execute, args]);
      const refused = typeof answer === "object" && answer !== null && "error" in answer;
      await monitor.send(
        JSON.stringify({ ...(refused ? answer : { return: answer }), id }) + "\r\n",
      );
    }
  })();
  await use(client);
  await serving;
  return commands;
}

/** A refusal, as an answer. */
export const refusal = (desc: string, errorClass = "GenericError") => ({
  error: { class: errorClass, desc },
});

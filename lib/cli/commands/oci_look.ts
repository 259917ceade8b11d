import {
  figuresOf,
  listStates,
  lookAt,
  processesOf,
  type RuntimeEvent,
  type RuntimeState,
} from "../../oci/runtime/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { pause as sleep } from "../../sys/mod.ts";
import { engineContext } from "../engine_context.ts";
import { badValue } from "../options.ts";
import { print } from "../output.ts";
import { table } from "../table.ts";

/** Seconds between two figures, unless told otherwise, and the most. */
const INTERVAL = 5, MAX_INTERVAL = 86_400;

/** `podvisor list`. */
export const list: Command = {
  usage: "[options]",
  description: "Lists the containers that engines have made in --root.",
  options: [
    {
      name: "format",
      short: "f",
      kind: "value",
      placeholder: "FORMAT",
      help: "table or json. Default: table",
    },
    { name: "quiet", short: "q", kind: "flag", help: "Print ids alone" },
  ],
  operands: [0, 0],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    const format = options.choice("format", ["table", "json"]) ?? "table";
    const states = await listStates(await engineContext(context));
    if (options.flag("quiet")) print(states.map(({ id }) => `${id}\n`).join(""));
    else if (format === "json") print(`${JSON.stringify(states)}\n`);
    else print(stateTable(states));
    return 0;
  },
};

function stateTable(states: readonly RuntimeState[]): string {
  return table([
    ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"],
    ...states.map(({ id, pid, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ]),
  ]);
}

/** `podvisor ps`. */
export const ps: Command = {
  usage: "[options] ID [PS-ARGUMENT…]",
  description:
    "Lists a container's processes: as a table as the guest has them, as JSON the pid of the one that stands\n" +
    "for the container on the host.",
  options: [{
    name: "format",
    short: "f",
    kind: "value",
    placeholder: "FORMAT",
    help: "table or json. Default: table",
  }],
  takesCommand: true,
  operands: [1, Infinity],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    const [id, ...args] = options.operands;
    const format = options.choice("format", ["table", "json"]) ?? "table";
    print(await processesOf(await engineContext(context), id!, format, args));
    return 0;
  },
};

/** `podvisor events`. */
export const events: Command = {
  usage: "[options] ID",
  description:
    "Prints what a container has used, in runc's form, again and again, and when something in it was killed for\n" +
    "lack of memory.",
  options: [
    { name: "stats", kind: "flag", help: "Once" },
    {
      name: "interval",
      kind: "value",
      placeholder: "TIME",
      help: `Time between two figures, such as 10s. Default: ${INTERVAL}s`,
    },
  ],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    const id = options.operands[0]!;
    const engine = await engineContext(context);
    const seconds = readInterval(options.value("interval"));
    const first = await figuresOf(engine, id);
    tell(first.stats);
    if (options.flag("stats")) return 0;
    let { kills } = first;
    // Until its end, as runc does.
    while ((await lookAt(engine, id)).status !== "stopped") {
      await sleep(seconds * 1000);
      if ((await lookAt(engine, id)).status !== "running") continue;
      const now = await figuresOf(engine, id);
      if (now.kills > kills) tell({ type: "oom", id });
      kills = now.kills;
      tell(now.stats);
    }
    return 0;
  },
};

function tell(event: RuntimeEvent): void {
  print(`${JSON.stringify(event)}\n`);
}

function readInterval(text: string | undefined): number {
  if (text === undefined) return INTERVAL;
  const seconds = Number(/^(\d+)s?$/.exec(text)?.[1]);
  if (seconds >= 1 && seconds <= MAX_INTERVAL) return seconds;
  throw badValue("interval", text, `seconds from 1 to ${MAX_INTERVAL} are needed`);
}

import { checkName, loadPod, type PodLogLine, PodStore, readPodLogs } from "../../pod/mod.ts";
import { Failure } from "../../failure.ts";
import type { Command, CommandContext } from "../command.ts";
import { print } from "../output.ts";

/** `podvisor logs`. */
export const logs: Command = {
  usage: "--pod NAME [--json]",
  description:
    "Prints what the parts of a pod have logged, told apart: the commands, the proxy, the shims, and the end\n" +
    "of the guest's console, where its kernel and its agent write. What containers print is in container logs.",
  options: [
    { name: "pod", kind: "value", placeholder: "NAME", help: "The pod" },
    { name: "json", kind: "flag", help: "Print a JSON object for each line" },
  ],
  operands: [0, 0],
  async run({ paths, options }: CommandContext): Promise<number> {
    const pod = options.value("pod");
    if (pod === undefined) {
      throw new Failure("Cannot print a pod's logs: its name is not given", {
        hint: "Name it with --pod; what a container prints is in podvisor container logs NAME",
      });
    }
    const { directory } = await loadPod(new PodStore(paths.state), checkName("pod", pod));
    const show = options.flag("json") ? JSON.stringify : format;
    for (const line of await readPodLogs(directory)) print(show(line) + "\n");
    return 0;
  },
};

function format({ part, time, level, text, fields }: PodLogLine): string {
  const { subsystem: _subsystem, ...others } = fields;
  const more = Object.entries(others).map(([name, value]) =>
    ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  return [part.padEnd(7), time, level?.padEnd(5), text + more.join("")].filter(Boolean).join("  ");
}

import type { Command, CommandContext } from "../command.ts";
import { CONTAINER_OPTIONS } from "../container_options.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { POD_OPTIONS } from "../pod_options.ts";
import { readRunRequest } from "../run_request.ts";
import { runForeground } from "../foreground.ts";

/** `podvisor run`. */
export const run: Command = {
  usage: "[options] ROOTFS [COMMAND [ARG…]]",
  description:
    "Starts a virtual machine, runs COMMAND in a container inside it, and ends with its exit code.\n" +
    "ROOTFS is a directory that holds a root file system, an OCI bundle (a directory with config.json),\n" +
    "or the word busybox for a built-in one. Options come before ROOTFS; all after it is the command's.\n" +
    "Exit code: the command's own, 128+n when signal n ended it, 125 when podvisor failed, 126 when the\n" +
    "command cannot be executed, 127 when it is not found.",
  options: [
    ...CONTAINER_OPTIONS,
    { name: "name", kind: "value", placeholder: "NAME", help: "Name of the pod" },
    ...POD_OPTIONS,
    {
      name: "timeout",
      kind: "value",
      placeholder: "SECONDS",
      help: "Kill the command when it has run so long",
    },
    { name: "json", kind: "flag", help: "Tell how it ended as a line of JSON on stderr" },
    { name: "console", kind: "flag", help: "Show the guest's console on stderr" },
    ...LOG_OPTIONS,
  ],
  takesCommand: true,
  operands: [1, Infinity],
  examples: [
    "podvisor run busybox uname -a",
    "podvisor run -it busybox sh",
    "tar c . | podvisor run -i busybox tar t",
    "podvisor run -v /srv/data:/data:ro --memory 1G ./rootfs /usr/bin/make",
  ],
  async run({ paths, config, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    return await runForeground(await readRunRequest(options, config), paths);
  },
};

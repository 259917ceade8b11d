import type { Command, CommandContext } from "../command.ts";
import { CONTAINER_OPTIONS } from "../container_options.ts";
import { BUNDLE_OPTIONS } from "../engine_options.ts";
import { parseOptions } from "../options.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
import { POD_OPTIONS } from "../pod_options.ts";
import { readRunRequest } from "../run_request.ts";
import { runForeground } from "../foreground.ts";
import { TRACE_OPTION, traced } from "../trace_option.ts";

/** The form in which an engine gives a bundle, and the container's id. */
function isBundleRun(args: readonly string[]): boolean {
  try {
    return parseOptions(args, run.options, "first", "go").value("bundle") !== undefined;
  } catch {
    // Whoever names a bundle is told what is wrong as engines are.
    return args.some((each) => /^--?b(undle)?(=|$)/.test(each));
  }
}

/** `podvisor run`. */
export const run: Command = {
  usage: "[options] ROOTFS [COMMAND [ARG…]] | --bundle DIR [options] ID",
  description:
    "Starts a virtual machine, runs COMMAND in a container inside it, and ends with its exit code.\n" +
    "ROOTFS is a directory that holds a root file system, an OCI bundle (a directory with config.json),\n" +
    "or the word busybox for a built-in one. Options come before ROOTFS; all after it is the command's.\n" +
    "With --bundle it does what an OCI runtime does: runs the container of the bundle DIR under the name ID.\n" +
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
    { name: "console", kind: "flag", help: "Show the guest's console on stderr, from its boot on" },
    TRACE_OPTION,
    ...LOG_OPTIONS,
    ...BUNDLE_OPTIONS,
    { name: "detach", short: "d", kind: "flag", help: "With --bundle: do not wait for its end" },
    { name: "keep", kind: "flag", help: "With --bundle: do not remove the container at its end" },
    { name: "no-subreaper", kind: "flag", help: "Accepted, without effect" },
  ],
  takesCommand: true,
  operands: [1, Infinity],
  examples: [
    "podvisor run busybox uname -a",
    "podvisor run -it busybox sh",
    "tar c . | podvisor run -i busybox tar t",
    "podvisor run -v /srv/data:/data:ro --memory 1G ./rootfs /usr/bin/make",
  ],
  forEngines: isBundleRun,
  async run(context: CommandContext): Promise<number> {
    const { paths, config, options } = context;
    if (options.value("bundle") !== undefined) {
      return await (await import("./oci_run.ts")).runForEngine(context);
    }
    applyLogOptions(options);
    const request = await readRunRequest(options, config);
    return await traced(options, "run", () => runForeground(request, paths));
  },
};

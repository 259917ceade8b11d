import type { Command, CommandContext } from "../command.ts";
import { applyLogOptions, LOG_OPTIONS } from "../log_options.ts";
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
    { name: "interactive", short: "i", kind: "flag", help: "Pass stdin on to the command" },
    { name: "tty", short: "t", kind: "flag", help: "Give the command a terminal" },
    {
      name: "env",
      short: "e",
      kind: "list",
      placeholder: "K=V",
      help: "Set an environment variable; K alone takes it from here",
    },
    {
      name: "workdir",
      short: "w",
      kind: "value",
      placeholder: "DIR",
      help: "Directory to start in",
    },
    {
      name: "user",
      short: "u",
      kind: "value",
      placeholder: "USER[:GROUP]",
      help: "User and group, names or numbers of the root file system",
    },
    {
      name: "volume",
      short: "v",
      kind: "list",
      placeholder: "SRC:DST[:ro]",
      help: "Show the host's file or directory SRC at DST",
    },
    { name: "read-only", kind: "flag", help: "Make the root file system read-only" },
    { name: "name", kind: "value", placeholder: "NAME", help: "Name of the pod" },
    {
      name: "hostname",
      kind: "value",
      placeholder: "NAME",
      help: "Host name. Default: the pod's name",
    },
    {
      name: "memory",
      short: "m",
      kind: "value",
      placeholder: "SIZE",
      help: "Memory of the VM, such as 512M or 2G. Default: 512M",
    },
    { name: "cpus", kind: "value", placeholder: "N", help: "Processors of the VM. Default: 1" },
    { name: "kernel", kind: "value", placeholder: "FILE", help: "Kernel to boot" },
    {
      name: "network",
      kind: "value",
      placeholder: "none|user",
      help: "none, or QEMU's user-mode network. Default: none",
    },
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
  operands: [1, Infinity],
  examples: [
    "podvisor run busybox uname -a",
    "podvisor run -it busybox sh",
    "tar c . | podvisor run -i busybox tar t",
    "podvisor run -v /srv/data:/data:ro --memory 1G ./rootfs /usr/bin/make",
  ],
  async run({ paths, options }: CommandContext): Promise<number> {
    applyLogOptions(options);
    return await runForeground(await readRunRequest(options), paths);
  },
};

import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import { exampleSpec, features as supported } from "../../oci/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { print } from "../output.ts";
import { VERSION } from "../version.ts";

/** `podvisor spec`. */
export const spec: Command = {
  usage: "[options]",
  description:
    "Writes an example of config.json into a bundle: a shell on a terminal, to be changed.",
  options: [{
    name: "bundle",
    short: "b",
    kind: "value",
    placeholder: "DIR",
    help: "The bundle. Default: the current directory",
  }, {
    name: "rootless",
    kind: "flag",
    help: "Accepted: users of a VM are not those of the host",
  }],
  operands: [0, 0],
  forEngines: () => true,
  async run({ options }: CommandContext): Promise<number> {
    const path = join(options.value("bundle") ?? ".", "config.json");
    const text = `${JSON.stringify(exampleSpec(), null, 2)}\n`;
    try {
      await Deno.writeTextFile(path, text, { createNew: true, mode: 0o666 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      throw new Failure(`Cannot write ${path}: it exists already`);
    }
    return 0;
  },
};

/** `podvisor features`. */
export const features: Command = {
  usage: "",
  description: "Prints what of the OCI runtime specification is supported.",
  options: [],
  operands: [0, 0],
  forEngines: () => true,
  run(): Promise<number> {
    print(`${JSON.stringify(supported(VERSION), null, 2)}\n`);
    return Promise.resolve(0);
  },
};

import { Failure } from "../../failure.ts";
import { examineHost, installCommand, installPackages, missingPackages } from "../../host/mod.ts";
import { buildGuest } from "../../guest/image/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { printError } from "../output.ts";
import { Progress } from "../progress.ts";

/** `podvisor setup`. */
export const setup: Command = {
  usage: "[--install]",
  description:
    "Prepares this host: says which packages are missing, or installs them, and builds the guest that\n" +
    "virtual machines boot. On a host that is prepared it does nothing.",
  options: [{ name: "install", kind: "flag", help: "Install the packages that are missing" }],
  operands: [0, 0],
  async run({ paths, options }: CommandContext): Promise<number> {
    const missing = missingPackages(await examineHost(paths));
    if (missing.length > 0) await bring(missing, options.flag("install"));
    const lacking = (await examineHost(paths)).filter((each) => !each.ok);
    for (const { name, detail, advice } of lacking) {
      throw new Failure(`Cannot prepare this host: ${name}: ${detail}`, {
        ...(advice === null ? {} : { hint: advice }),
      });
    }
    using progress = new Progress();
    await buildGuest({ cacheDir: paths.cache, onStep: (step) => progress.show(step) });
    return 0;
  },
};

async function bring(
  missing: readonly { name: string; why: string }[],
  install: boolean,
): Promise<void> {
  const packages = missing.map(({ name }) => name);
  const may = install && Deno.uid() === 0;
  for (const { name, why } of missing) {
    printError(`${may ? "installing" : "missing"} ${name} (${why})\n`);
  }
  if (may) return await installPackages(packages);
  throw new Failure("Cannot prepare this host: packages are missing", {
    hint: `Install them${install ? " as root" : ""}: ${installCommand(packages).join(" ")}`,
    exitCode: 1,
  });
}

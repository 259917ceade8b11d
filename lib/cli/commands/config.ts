import type { Command, CommandContext } from "../command.ts";
import { print } from "../output.ts";
import { table } from "../table.ts";

/** `podvisor config`. */
export const config: Command = {
  usage: "[--json]",
  description:
    "Prints the configuration in effect, and where each value comes from: /etc/podvisor/config.toml, then\n" +
    "podvisor/config.toml in $XDG_CONFIG_HOME or ~/.config, then the file that PODVISOR_CONFIG names. What a\n" +
    "later one says holds, and a command's options go over all of them. The files are TOML.",
  options: [{
    name: "json",
    kind: "flag",
    help: "Print it as JSON: for each key its value and where that comes from",
  }],
  operands: [0, 0],
  run({ config, options }: CommandContext): Promise<number> {
    const entries = config.entries();
    if (options.flag("json")) {
      const object = Object.fromEntries(
        entries.map(({ key, value, from }) => [key, { value, from }]),
      );
      print(JSON.stringify(object) + "\n");
      return Promise.resolve(0);
    }
    const rows = entries.map((
      { key, value, from },
    ) => [key, value === null ? "" : `${value}`, from]);
    print(table([["KEY", "VALUE", "FROM"], ...rows]));
    const files = config.files.map(({ path, there }) => [path, there ? "read" : "not there"]);
    print("\n" + table([["FILE", ""], ...files]));
    return Promise.resolve(0);
  },
};

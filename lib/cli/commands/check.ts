import { examineHost, type Finding, installCommand, missingPackages } from "../../host/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { print } from "../output.ts";

/** `podvisor check`. */
export const check: Command = {
  usage: "[options]",
  description:
    "Says what this host has of all that podvisor needs, and how to come by what is missing.\n" +
    "Exit code: 0 when everything is there, 1 when something is missing.",
  options: [{ name: "json", kind: "flag", help: "Print the findings as JSON" }],
  operands: [0, 0],
  async run({ paths, options }: CommandContext): Promise<number> {
    const findings = await examineHost(paths);
    const ok = findings.every((each) => each.ok);
    print(options.flag("json") ? JSON.stringify({ ok, findings }) + "\n" : table(findings));
    return ok ? 0 : 1;
  },
};

function table(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings.map((finding) => {
    const mark = finding.ok ? "ok     " : "missing";
    return `${mark}  ${finding.name.padEnd(width)}  ${finding.detail}${remedy(finding)}\n`;
  }).join("");
}

function remedy(finding: Finding): string {
  if (finding.ok) return "";
  const packages = missingPackages([finding]).map(({ name }) => name);
  const what = packages.length > 0 ? installCommand(packages).join(" ") : finding.advice;
  return what === null ? "" : `\n         ${what}`;
}

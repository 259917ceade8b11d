import { findRole } from "./lib/cli/roles.ts";

/** The first word says which part of podvisor this process is: a command for people, or one of the parts of a pod. */
if (import.meta.main) {
  const [word = "", ...rest] = Deno.args;
  const role = findRole(word);
  const code = role
    ? await role(rest)
    : await (await import("./lib/cli/mod.ts")).runCommandLine(Deno.args);
  Deno.exit(code);
}

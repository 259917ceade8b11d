import { fromFileUrl, join } from "@std/path";

/**
 * The command line that starts this same program with other arguments: the compiled binary itself, or the runtime on
 * `main.ts` when run from source.
 */
export function selfCommand(args: readonly string[]): string[] {
  if (Deno.build.standalone) return [Deno.execPath(), ...args];
  const root = sourceRoot();
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-check",
    "--cached-only",
    "--allow-all",
    "--config",
    join(root, "deno.json"),
    join(root, "main.ts"),
    ...args,
  ];
}

/** The directory that holds `main.ts` and `deno.json`, when run from source. */
export function sourceRoot(): string {
  return fromFileUrl(new URL("../..", import.meta.url));
}

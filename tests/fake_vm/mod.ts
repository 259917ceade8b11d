import { fromFileUrl, join } from "@std/path";

/**
 * Writes a program that the launcher can start in place of QEMU: see `fake_qemu.ts`.
 *
 * @param directory where to put it
 * @returns its path, for `QemuSettings.binary` or `PODVISOR_QEMU`
 */
export async function installFakeQemu(directory: string): Promise<string> {
  const here = (name: string) => fromFileUrl(new URL(name, import.meta.url));
  const command = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-check",
    "--allow-all",
    "--config",
    here("../../deno.json"),
    here("fake_qemu.ts"),
  ];
  const path = join(directory, "fake-qemu");
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  await Deno.writeTextFile(path, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  return path;
}

const SYSTEM = "/sys/devices/system";

/** Brings every processor and memory block online that the host has plugged in. */
export function onlineResources(): void {
  for (const kind of ["cpu", "memory"]) {
    for (const name of devices(kind)) {
      try {
        const path = `${SYSTEM}/${kind}/${name}/online`;
        if (Deno.readTextFileSync(path).trim() === "0") Deno.writeTextFileSync(path, "1");
      } catch { /* the first processor has no such file, and a block may be in use already */ }
    }
  }
}

function devices(kind: string): string[] {
  try {
    const pattern = new RegExp(`^${kind}\\d+$`);
    return [...Deno.readDirSync(`${SYSTEM}/${kind}`)].map(({ name }) => name)
      .filter((name) => pattern.test(name));
  } catch {
    return [];
  }
}

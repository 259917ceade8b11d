import { Refusal } from "./runtime.ts";

/** Where the kernel tells of network interfaces: sysfs(5). */
export const NET = "/sys/class/net";

/** The number of an interface. @throws {Refusal} when there is no such interface */
export function indexOf(name: string): number {
  const index = /^[^/\s]{1,15}$/.test(name) ? Number(read(name, "ifindex")) : 0;
  if (index <= 0) throw new Refusal(`no network interface ${name}`);
  return index;
}

/** What the kernel tells of an interface; empty when there is no such thing. */
export function read(name: string, attribute: string): string {
  try {
    return Deno.readTextFileSync(`${NET}/${name}/${attribute}`).trim();
  } catch {
    return "";
  }
}

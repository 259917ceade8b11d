import { join } from "@std/path";

/** What a VM without a machine has of hardware: kept in its directory, for every command that asks. */
export interface MockHardware {
  vcpus: number;
  memoryMiB: number;
  disks: { driver: string; index: number; path: string; readOnly: boolean }[];
  /** Ids of its network cards. */
  cards: string[];
}

/** The hardware of the VM in a directory. */
export function readHardware(directory: string): MockHardware {
  return JSON.parse(Deno.readTextFileSync(file(directory)));
}

/** Writes it down. */
export function writeHardware(directory: string, hardware: MockHardware): void {
  Deno.writeTextFileSync(file(directory), JSON.stringify(hardware) + "\n", { mode: 0o600 });
}

function file(directory: string): string {
  return join(directory, "mock.json");
}

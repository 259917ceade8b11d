import { SYSCALL_TABLE } from "./syscall_table.ts";

/** One way in which programs of a machine make system calls. */
export interface CallingArchitecture {
  /** Name in profiles. */
  name: string;
  /** AUDIT_ARCH_… (linux/audit.h), as the kernel tells filters. */
  audit: number;
  /** Whether arguments have 64 bits. */
  wide: boolean;
  /** Which of a table row's numbers is its. */
  column: number;
}

/** A kind of machine, its own architecture first. */
export type Machine = "x86_64" | "aarch64";

const MACHINES: Readonly<Record<Machine, readonly CallingArchitecture[]>> = {
  x86_64: [
    { name: "SCMP_ARCH_X86_64", audit: 0xc000003e, wide: true, column: 1 },
    { name: "SCMP_ARCH_X86", audit: 0x40000003, wide: false, column: 0 },
  ],
  aarch64: [
    { name: "SCMP_ARCH_AARCH64", audit: 0xc00000b7, wide: true, column: 3 },
    { name: "SCMP_ARCH_ARM", audit: 0x40000028, wide: false, column: 2 },
  ],
};

/** Names of the architectures that profiles may have for one machine or another. */
export const ARCHITECTURE_NAMES: readonly string[] = Object.values(MACHINES).flat()
  .map(({ name }) => name);

/** Numbers from here on are x32 calls, which come under the architecture of x86_64 (asm/unistd.h, __X32_SYSCALL_BIT). */
export const X32_BIT = 0x40000000;

/**
 * The architectures that a filter is for: the machine's own, and those of `wanted` that it can run. What else a profile
 * lists cannot occur on it.
 */
export function architecturesOf(
  machine: Machine,
  wanted: readonly string[],
): CallingArchitecture[] {
  return MACHINES[machine].filter(({ name }, at) => at === 0 || wanted.includes(name));
}

let table: Map<string, readonly (number | undefined)[]> | undefined;

/** The number of a system call; nothing when the architecture does not have it. */
export function syscallNumber(
  name: string,
  { column }: Pick<CallingArchitecture, "column">,
): number | undefined {
  table ??= parse(SYSCALL_TABLE);
  return table.get(name)?.[column];
}

function parse(text: string): Map<string, readonly (number | undefined)[]> {
  return new Map(
    text.trim().split(/\s+/).map((row) => {
      const [name = "", columns = ""] = row.split("=");
      return [name, columns.split("/").map((each) => each === "" ? undefined : Number(each))];
    }),
  );
}

import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import { dynamicNeeds } from "./elf.ts";
import { readOptional } from "./kernel.ts";

/** Where the dynamic linker looks without being told (ld.so(8)), by the names that `Deno.build.arch` has. */
const DEFAULT_PLACES: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"],
  aarch64: ["/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64"],
};

/**
 * The shared libraries and the dynamic linker that a program needs, and what those need, by the path at which they
 * were found. Empty for a static program.
 *
 * @throws {Failure} when a library is not to be found
 */
export function collectLibraries(program: Uint8Array): Map<string, Uint8Array<ArrayBuffer>> {
  const places = [
    ...DEFAULT_PLACES[Deno.build.arch] ?? [],
    "/lib",
    "/usr/lib",
    ...configuredPlaces("/etc/ld.so.conf.d"),
  ];
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  const names = new Set<string>();
  const visit = (bytes: Uint8Array): void => {
    const { interpreter, libraries } = dynamicNeeds(bytes);
    if (interpreter !== undefined) found.set(interpreter, Deno.readFileSync(interpreter));
    for (const name of libraries) {
      if (names.has(name)) continue;
      names.add(name);
      // The linker names itself as a library; it is there already, where PT_INTERP says.
      if ([...found.keys()].some((path) => path.endsWith(`/${name}`))) continue;
      const path = places.map((each) => join(each, name)).find(isFile);
      if (path === undefined) {
        throw new Failure(`Cannot find the library ${name}, which the agent's runtime needs`);
      }
      const library = Deno.readFileSync(path);
      found.set(path, library);
      visit(library);
    }
  };
  visit(program);
  return found;
}

function configuredPlaces(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)]
      .flatMap((entry) => readOptional(join(directory, entry.name)).split("\n"))
      .filter((line) => line.startsWith("/"));
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

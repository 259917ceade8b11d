/**
 * The original programs of 2018 that the environment names. Tests that need one are registered only where it is named,
 * so that none is ever skipped.
 */
import { join } from "@std/path";
import { findPaths } from "../../../lib/config/mod.ts";
import { buildGuest, findKernel, type GuestImage } from "../../../lib/guest/image/mod.ts";
import { type OriginalGuest, packOriginal } from "./initrd.ts";

const named = (name: string) => Deno.env.get(name) || undefined;

/** cc-proxy, cc-shim, and virtcontainers' command line. */
export const CC_PROXY = named("CC_PROXY");
export const CC_SHIM = named("CC_SHIM");
export const VIRTC = named("VIRTC");

/** A program that is process 1 of a guest. */
export interface GuestProgram {
  kind: OriginalGuest;
  path: string;
}

/** The Go agent (CC_AGENT), and C hyperstart of any version (HYPERSTART, separated by colons). */
export const GUEST_PROGRAMS: readonly GuestProgram[] = [
  ...list("CC_AGENT").map((path): GuestProgram => ({ kind: "cc-agent", path })),
  ...list("HYPERSTART").map((path): GuestProgram => ({ kind: "hyperstart", path })),
];

function list(name: string): string[] {
  return named(name)?.split(":") ?? [];
}

/** podvisor's own guest. */
export async function builtinGuest(): Promise<GuestImage> {
  return await buildGuest({ cacheDir: findPaths().cache });
}

/** Writes a guest's initial file system into a directory. @returns podvisor's options to boot it */
export async function bootOptions(program: GuestProgram, directory: string): Promise<string[]> {
  const initrd = join(directory, `${crypto.randomUUID()}.cpio`);
  await Deno.writeFile(initrd, await packOriginal(program.kind, program.path, findKernel()));
  return ["--kernel", (await builtinGuest()).kernel, "--initrd", initrd];
}

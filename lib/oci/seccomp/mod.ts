/** Filters of system calls, compiled from profiles. */
export type { Machine } from "./architectures.ts";
export { type CompiledFilter, compileSeccomp } from "./compile.ts";
export type { SpecSeccomp } from "./profile.ts";

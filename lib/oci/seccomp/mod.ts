/** Filters of system calls, compiled from profiles. */
export { ARCHITECTURE_NAMES, type Machine } from "./architectures.ts";
export { type CompiledFilter, compileSeccomp } from "./compile.ts";
export { PROFILE_NAMES, type SpecSeccomp } from "./profile.ts";

/** Where podvisor keeps things, and what it was told. */
export { findPaths, type PathInputs, type Paths } from "./paths.ts";

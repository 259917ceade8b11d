/** The part of `@std/toml` in use, until JSR can be assumed: see the import map in `deno.json`. */

// @ts-types="./toml.d.ts"
export { parse } from "npm:deno-std@1.1.11/toml/mod.js";

/** The part of `@std/cli` in use, until JSR can be assumed: see the import map in `deno.json`. */

// @ts-types="./parse_args.d.ts"
export { parseArgs } from "npm:deno-std@1.1.11/cli/parse_args.js";

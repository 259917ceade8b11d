/** The part of `@std/testing` in use, until JSR can be assumed: see the import map in `deno.json`. */

// @ts-types="./mock.d.ts"
export { assertSpyCalls, spy, stub } from "npm:deno-std@1.1.11/testing/mock.js";

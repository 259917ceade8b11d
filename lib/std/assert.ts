/** The part of `@std/assert` in use, until JSR can be assumed: see the import map in `deno.json`. */

// @ts-types="./assert.d.ts"
export { assert } from "npm:deno-std@1.1.11/assert/assert.js";
// @ts-types="./assert.d.ts"
export { assertEquals } from "npm:deno-std@1.1.11/assert/equals.js";
// @ts-types="./assert.d.ts"
export { assertNotEquals } from "npm:deno-std@1.1.11/assert/not_equals.js";
// @ts-types="./assert.d.ts"
export { assertMatch } from "npm:deno-std@1.1.11/assert/match.js";
// @ts-types="./assert.d.ts"
export { assertRejects } from "npm:deno-std@1.1.11/assert/rejects.js";
// @ts-types="./assert.d.ts"
export { assertStringIncludes } from "npm:deno-std@1.1.11/assert/string_includes.js";
// @ts-types="./assert.d.ts"
export { assertThrows } from "npm:deno-std@1.1.11/assert/throws.js";

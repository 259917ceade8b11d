/** The part of `@std/path` in use, until JSR can be assumed: see the import map in `deno.json`. */

// @ts-types="./path.d.ts"
export { basename } from "npm:deno-std@1.1.11/path/posix/basename.js";
// @ts-types="./path.d.ts"
export { dirname } from "npm:deno-std@1.1.11/path/posix/dirname.js";
// @ts-types="./path.d.ts"
export { fromFileUrl } from "npm:deno-std@1.1.11/path/posix/from_file_url.js";
// @ts-types="./path.d.ts"
export { isAbsolute } from "npm:deno-std@1.1.11/path/posix/is_absolute.js";
// @ts-types="./path.d.ts"
export { join } from "npm:deno-std@1.1.11/path/posix/join.js";
// @ts-types="./path.d.ts"
export { normalize } from "npm:deno-std@1.1.11/path/posix/normalize.js";
// @ts-types="./path.d.ts"
export { relative } from "npm:deno-std@1.1.11/path/posix/relative.js";
// @ts-types="./path.d.ts"
export { resolve } from "npm:deno-std@1.1.11/path/posix/resolve.js";

/** Bundles of the OCI runtime specification. */
export { type Bundle, isBundle, parseEnv, readBundle } from "./bundle.ts";

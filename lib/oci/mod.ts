/** Bundles of the OCI runtime specification. */
export { type Bundle, readBundle, readProcess } from "./bundle.ts";
export { isBundle } from "./is_bundle.ts";
export {
  type Hook,
  HOOK_PHASES,
  type HookPhase,
  type Hooks,
  type OciState,
  runHooks,
} from "./hooks.ts";
export { readLimitChange } from "./change_limits.ts";
export { engineContainer } from "./engine_container.ts";
export { exampleSpec } from "./example_spec.ts";
export { features } from "./features.ts";
export { parseEnv } from "./parse_env.ts";

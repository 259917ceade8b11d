/** Where podvisor keeps things, and what it was told. */
export { findPaths, type PathInputs, type Paths } from "./paths.ts";
export { BY_DEFAULT, Config, type ConfigInputs, loadConfig } from "./config.ts";
export {
  type AgentKindName,
  CONFIG_KEYS,
  type ConfigKey,
  type ConfigValues,
  faultOf,
  type HypervisorKindName,
  MAX_MEMORY_MIB,
  MAX_SPARE_TIME,
  MAX_SPARES,
  MAX_VCPUS,
  MIN_MEMORY_MIB,
  type ProxyKindName,
  type ShimKindName,
  TEMPLATE_USES,
  type TemplateUse,
} from "./keys.ts";

import type { InterfaceSpec, RouteSpec } from "./runtime.ts";
export function bringUpLoopback() {}
export async function configureNetwork(_i: readonly InterfaceSpec[], _r: readonly RouteSpec[]) {}
export async function setInterface(_i: InterfaceSpec) {}
export function setRoutes(_r: readonly RouteSpec[]) {}

import { join } from "@std/path";
import { Failure, messageOf } from "../../failure.ts";
import { readSmallFile } from "../../small_file.ts";
import type { Hooks } from "../hooks.ts";

/** A namespace of a container (runtime-spec 1.1, config-linux.md); without a path it is new. */
export interface SpecNamespace {
  type: string;
  path?: string;
}

/** The parts of config.json that concern what is around a container; every key may be absent. */
export interface EngineSpec {
  ociVersion?: string;
  hostname?: string;
  root?: { path?: string; readonly?: boolean };
  process?: { terminal?: boolean; consoleSize?: { height?: number; width?: number } };
  annotations?: Record<string, string>;
  hooks?: Hooks;
  linux?: {
    namespaces?: SpecNamespace[];
    cgroupsPath?: string;
    resources?: { memory?: { limit?: number }; cpu?: { quota?: number; period?: number } };
  };
}

/** Reads them. @throws {Failure} when config.json cannot be read */
export async function readEngineSpec(bundle: string): Promise<EngineSpec> {
  const path = join(bundle, "config.json");
  try {
    return JSON.parse(await readSmallFile(path));
  } catch (cause) {
    throw new Failure(`Cannot read the bundle's ${path}: ${messageOf(cause)}`, { cause });
  }
}

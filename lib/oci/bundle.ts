import { join, resolve } from "@std/path";
import type { Command, ContainerDetails } from "../agent/mod.ts";
import { Failure, messageOf } from "../failure.ts";
import type { ContainerConfig } from "../pod/mod.ts";
import { readSmallFile } from "../small_file.ts";
import { planDevices, rulesOf } from "./devices.ts";
import type { Hooks, OciState } from "./hooks.ts";
import { normal, planMounts } from "./mounts.ts";
import { namespacesOf } from "./namespaces.ts";
import { commandOf } from "./process.ts";
import { limitsOf } from "./resources.ts";
import { compileSeccomp, type Machine } from "./seccomp/mod.ts";
import type { Spec, SpecLinux, SpecProcess } from "./spec.ts";
import { checkSupport } from "./support.ts";
import { OCI_VERSION } from "./version.ts";

/** A bundle's container, and what of it concerns the pod, the engine, or the host. */
export interface Bundle {
  container: ContainerConfig;
  hostname: string | undefined;
  /** The version of the specification that it is written for. */
  ociVersion: string;
  annotations: Record<string, string>;
  hooks: Hooks;
  /** Path of the network namespace that it is to be in. */
  networkNamespace: string | undefined;
  /** Where the host's control group for it is to be. */
  cgroupsPath: string | undefined;
}

const PROPAGATIONS = ["", "shared", "slave", "private", "unbindable"];
/** linux/personality.h */
const PERSONALITIES: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

/**
 * Reads an OCI bundle (runtime-spec 1.1). What of it cannot be honoured is warned of, or refused: see `support.ts`.
 *
 * @param id of the container, as its hooks are to know it. Default: its name in the pod
 * @throws {Failure} when config.json cannot be read, lacks what a container must have, or asks for what cannot be had
 */
export async function readBundle(directory: string, id = ""): Promise<Bundle> {
  return await bundleOf(await readSpec(join(directory, "config.json")), directory, id);
}

/**
 * The same of a config.json at hand.
 *
 * @param directory where it is, or would be
 * @throws {Failure}
 */
export async function bundleOf(spec: Spec, directory: string, id = ""): Promise<Bundle> {
  const path = join(directory, "config.json");
  checkSupport(spec);
  const { process = {}, linux = {}, root, mounts = [] } = spec;
  if (root?.path === undefined) throw lacking(path, "root.path");
  if (!process.args || process.args.length === 0) throw lacking(path, "process.args");
  const rules = linux.resources?.devices ?? [];
  const planned = await planMounts(directory, mounts);
  const devices = await planDevices(linux.devices ?? [], rules);
  return {
    hostname: spec.hostname,
    ociVersion: spec.ociVersion ?? OCI_VERSION,
    annotations: spec.annotations ?? {},
    hooks: spec.hooks ?? {},
    networkNamespace: linux.namespaces?.find(({ type }) => type === "network")?.path || undefined,
    cgroupsPath: linux.cgroupsPath || undefined,
    container: {
      root: { kind: "directory", path: resolve(directory, root.path) },
      interactive: false,
      readOnlyRoot: root.readonly ?? false,
      command: { ...commandOf(process), ...confinementOf(linux) },
      volumes: planned.volumes,
      devices: devices.disks,
      blockDriver: "virtio-scsi",
      memoryMounts: [],
      ...limitsOf(linux.resources ?? {}),
      shmSize: 0,
      details: {
        mounts: planned.mounts,
        devices: devices.nodes,
        deviceRules: rulesOf(rules),
        ...detailsOf(spec, linux),
        ...startHooksOf(spec, resolve(directory), id),
      },
    },
  };
}

/**
 * Reads a process on its own, as engines hand it to `exec` (runtime-spec 1.1, config.md, "Process").
 *
 * @throws {Failure} when the file cannot be read, or says nothing to run
 */
export async function readProcess(path: string): Promise<Command> {
  let process: SpecProcess;
  try {
    process = JSON.parse(await readSmallFile(path));
  } catch (cause) {
    throw new Failure(`Cannot read the process in ${path}: ${messageOf(cause)}`, { cause });
  }
  if (!process.args || process.args.length === 0) throw lacking(path, "args");
  checkSupport({ process });
  return commandOf(process);
}

/** What `linux` says about processes: their filter and their personality. */
function confinementOf({ seccomp, personality }: SpecLinux): Partial<Command> {
  const filter = seccomp && compileSeccomp(seccomp, Deno.build.arch as Machine);
  const domain = personality?.domain;
  if (domain !== undefined && PERSONALITIES[domain] === undefined) {
    throw new Failure(
      `Cannot use linux.personality of the bundle: ${JSON.stringify(domain)} is unknown`,
    );
  }
  return {
    ...(filter ? { seccomp: { program: filter.program.toBase64(), flags: filter.flags } } : {}),
    ...(domain === undefined ? {} : { personality: PERSONALITIES[domain]! }),
  };
}

function detailsOf(
  { hostname = "", domainname = "" }: Spec,
  linux: SpecLinux,
): Omit<ContainerDetails, "mounts" | "devices" | "deviceRules"> {
  const { sysctl = {}, maskedPaths = [], readonlyPaths = [], rootfsPropagation = "" } = linux;
  if (!PROPAGATIONS.includes(rootfsPropagation)) {
    throw new Failure(
      `Cannot use linux.rootfsPropagation of the bundle: ${
        JSON.stringify(rootfsPropagation)
      } is unknown`,
    );
  }
  return {
    hostname,
    domainname,
    sysctl,
    maskedPaths: maskedPaths.map(normal),
    readonlyPaths: readonlyPaths.map(normal),
    propagation: rootfsPropagation,
    namespaces: namespacesOf(linux),
  };
}

/** The hooks that run in the container, in the guest, with the state that they are told. */
function startHooksOf(
  { hooks = {}, ociVersion = OCI_VERSION, annotations = {} }: Spec,
  bundle: string,
  id: string,
): Pick<ContainerDetails, "startHooks"> {
  const given = hooks.startContainer ?? [];
  if (given.length === 0) return {};
  const state: OciState = { ociVersion, id, status: "created", pid: 1, bundle, annotations };
  return {
    startHooks: {
      state: JSON.stringify(state),
      hooks: given.map(({ path, args = [], env = [], timeout = 0 }) => ({
        path,
        args: [...args],
        env: [...env],
        timeout,
      })),
    },
  };
}

async function readSpec(path: string): Promise<Spec> {
  try {
    return parseExactly(await readSmallFile(path));
  } catch (cause) {
    throw new Failure(`Cannot read the bundle's ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Keys whose values are 64 bits without sign, which numbers do not hold exactly. */
const EXACT = ["value", "valueTwo"];

/** Parses JSON; arguments of seccomp rules that a number does not hold come out as bigints. */
function parseExactly(text: string): Spec {
  if (!/"value(Two)?"\s*:\s*\d{16}/.test(text)) return JSON.parse(text);
  const revive = (key: string, value: unknown, context?: { source?: string }) =>
    EXACT.includes(key) && typeof value === "number" && !Number.isSafeInteger(value)
      ? BigInt(context?.source ?? value)
      : value;
  return JSON.parse(text, revive as Parameters<typeof JSON.parse>[1]);
}

function lacking(path: string, key: string): Failure {
  return new Failure(`Cannot use the bundle's ${path}: it has no ${key}`);
}

import { type CapabilityNumbers, capabilityNumbers } from "./capabilities.ts";
import { executableCandidates } from "./executable.ts";
import { type ProcessSettings, settingsOf } from "./process_settings.ts";
import type { ProcessPlan } from "./process_program.ts";
import { resourceLimits } from "./rlimits.ts";
import { type ProcessSpec, Refusal } from "./runtime.ts";
import type { ChildStdio } from "./stdio.ts";
import type { Identity } from "./users.ts";

const DEFAULT_UMASK = 0o022;

/** What the container's first process has and a further one inherits when the host says nothing. */
export interface Inherited {
  capabilities: CapabilityNumbers;
  noNewPrivileges: boolean;
  settings: ProcessSettings;
}

/**
 * Decides everything about a process from what was asked for.
 *
 * @throws {Refusal} naming what cannot be had
 */
export function planProcess(
  spec: ProcessSpec,
  identity: Identity,
  stdio: ChildStdio,
  inherited?: Inherited,
): ProcessPlan {
  const [program] = spec.args;
  if (program === undefined || program === "") {
    throw new Refusal("Process could not be started: no command given");
  }
  const env = spec.envs.map(({ env, value }) => `${env}=${value}`);
  if (!env.some((each) => each.startsWith("HOME="))) env.push(`HOME=${identity.home}`);
  return {
    stdio,
    identity,
    capabilities: capabilityNumbers(spec.capabilities, inherited?.capabilities),
    noNewPrivileges: spec.noNewPrivileges || (inherited?.noNewPrivileges ?? false),
    limits: resourceLimits(spec.rlimits),
    settings: settingsOf(spec, inherited?.settings),
    umask: spec.umask ?? DEFAULT_UMASK,
    workdir: spec.workdir === "" ? "/" : spec.workdir,
    env,
    args: spec.args,
    candidates: executableCandidates(program, env),
  };
}

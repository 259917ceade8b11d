import { MAX_MEMORY_MIB, MAX_VCPUS, MIN_MEMORY_MIB, TEMPLATE_USES } from "../../config/mod.ts";
import { Failure } from "../../failure.ts";
import type { PodConfig } from "../../pod/mod.ts";

const PREFIX = "io.podvisor.";

/** What annotations can say of a pod, each by its name behind the prefix. */
const READERS: Readonly<Record<string, (text: string) => Partial<PodConfig>>> = {
  memory: (text) => ({ memoryMiB: integer(text, MIN_MEMORY_MIB, MAX_MEMORY_MIB) }),
  vcpus: (text) => ({ vcpus: integer(text, 1, MAX_VCPUS) }),
  max_vcpus: (text) => ({ maxVcpus: integer(text, 1, MAX_VCPUS) }),
  kernel: (text) => {
    if (!text.startsWith("/")) throw new TypeError("an absolute path is needed");
    return { kernel: text };
  },
  share: (text) => {
    if (text !== "9p" && text !== "virtiofs") throw new TypeError("it is one of 9p, virtiofs");
    return { share: text };
  },
  template: (text) => {
    const template = TEMPLATE_USES.find((each) => each === text);
    if (!template) throw new TypeError(`it is one of ${TEMPLATE_USES.join(", ")}`);
    return { template };
  },
};

/** Names of the annotations that can be allowed. */
export const POD_ANNOTATIONS: readonly string[] = Object.keys(READERS);

/**
 * What `io.podvisor.…` annotations make of a pod. Whoever may start containers writes them: the host's configuration
 * says which of them hold.
 *
 * @param allowed names behind the prefix
 * @throws {Failure} for one that is unknown, not allowed, or does not say what it should
 */
export function readPodAnnotations(
  annotations: Readonly<Record<string, string>>,
  allowed: readonly string[],
): Partial<PodConfig> {
  let config: Partial<PodConfig> = {};
  for (const [key, text] of Object.entries(annotations)) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!read) throw refused(key, `there are ${POD_ANNOTATIONS.join(", ")}`);
    if (!allowed.includes(name)) {
      throw refused(key, "the configuration does not allow it: see annotations there");
    }
    try {
      config = { ...config, ...read(text) };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw refused(key, error.message);
    }
  }
  return config;
}

function integer(text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new TypeError(`a whole number from ${least} to ${most} is needed`);
}

function refused(key: string, why: string): Failure {
  return new Failure(`Cannot use the annotation ${key}: ${why}`);
}

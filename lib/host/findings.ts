import { Failure } from "../failure.ts";
import { embeddedGuest, findKernel } from "../guest/image/mod.ts";
import { detectAccelerator, findQemu } from "../hypervisor/mod.ts";
import type { Paths } from "../config/mod.ts";
import { findDistribution } from "./distribution.ts";

/** One thing that podvisor needs of its host. */
export interface Finding {
  name: string;
  ok: boolean;
  /** What was found, or what is missing. */
  detail: string;
  /** Packages of this distribution that bring it. */
  packages: readonly string[];
  /** What to do when no package brings it. */
  advice: string | null;
}

/** Looks at everything that podvisor needs of this host. */
export async function examineHost(paths: Paths): Promise<Finding[]> {
  const ubuntu = await findDistribution() === "ubuntu";
  const findings = [
    findingOf("QEMU", "starts the virtual machines", ["qemu-system-x86"], findQemu),
    accelerator(),
  ];
  if (!embeddedGuest()) {
    const kernel = ubuntu ? "linux-image-generic" : "linux-image-amd64";
    findings.push(
      findingOf("kernel", "is what the virtual machines run", [kernel], () => findKernel().path),
      findingOf("busybox", "is the built-in root file system", ["busybox-static"], findBusybox),
      findingOf("xz", "unpacks the kernel", ["xz-utils"], () => findProgram("xz")),
      findingOf("zstd", "unpacks the kernel", ["zstd"], () => findProgram("zstd")),
    );
  }
  findings.push(privileges());
  for (const path of [paths.state, paths.cache]) findings.push(await writable(path));
  return findings;
}

/** Every package that is missing, and why it is needed. */
export function missingPackages(findings: readonly Finding[]): { name: string; why: string }[] {
  return findings.flatMap(({ ok, packages, detail }) =>
    ok ? [] : packages.map((name) => ({ name, why: detail }))
  );
}

function findingOf(
  name: string,
  why: string,
  packages: readonly string[],
  find: () => string | undefined,
): Finding {
  const found = attempt(find);
  return found !== undefined
    ? { name, ok: true, detail: found, packages, advice: null }
    : { name, ok: false, detail: `not found: it ${why}`, packages, advice: null };
}

/** A failure to find something is what is to be told, not an error of the examination. */
function attempt(find: () => string | undefined): string | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Emulation will do: it is told, and is nothing to mend. */
function accelerator(): Finding {
  const { kind, reason } = detectAccelerator();
  const name = kind === "kvm" ? "KVM" : "TCG";
  return {
    name: "accelerator",
    ok: true,
    detail: `${name}: ${reason}`,
    packages: [],
    advice: null,
  };
}

function privileges(): Finding {
  const root = Deno.uid() === 0;
  return {
    name: "privileges",
    ok: root,
    detail: root ? "root" : `user ${Deno.uid()}: mounts for containers need root`,
    packages: [],
    advice: root ? null : "Run podvisor as root",
  };
}

async function writable(path: string): Promise<Finding> {
  const finding = { name: path, packages: [] };
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    const file = await Deno.makeTempFile({ dir: path, prefix: ".check-" });
    await Deno.remove(file);
    return { ...finding, ok: true, detail: "can be written to", advice: null };
  } catch (error) {
    const detail = `cannot be written to: ${error instanceof Error ? error.message : error}`;
    return {
      ...finding,
      ok: false,
      detail,
      advice: "Choose another with PODVISOR_STATE or PODVISOR_CACHE",
    };
  }
}

function findBusybox(): string | undefined {
  return ["/bin/busybox", "/usr/bin/busybox"].find(isFile);
}

function findProgram(name: string): string | undefined {
  const path = Deno.env.get("PATH") ?? "/usr/bin:/bin";
  return path.split(":").map((directory) => `${directory}/${name}`).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

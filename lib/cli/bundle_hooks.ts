import { type Bundle, HOOK_PHASES, type OciState, runHooks } from "../oci/mod.ts";

/** A bundle as far as its hooks are concerned. */
export type HookedBundle = Pick<Bundle, "hooks" | "annotations" | "ociVersion"> & {
  /** Its directory. */
  directory: string;
};

/** Runs the hooks of a bundle whose container this process runs, at their points of its life. */
export class BundleHooks {
  readonly #bundle: HookedBundle;
  readonly #id: string;
  #begun = false;
  #afterStart: Promise<void> | undefined;

  constructor(bundle: HookedBundle, id: string) {
    this.#bundle = bundle;
    this.#id = id;
  }

  /** Whether there is any to be run. */
  static areIn({ hooks }: HookedBundle): boolean {
    return HOOK_PHASES.some((phase) => (hooks[phase]?.length ?? 0) > 0);
  }

  /** The VM is there, the program has not started. @throws {Failure} naming the hook that fails */
  async beforeStart(): Promise<void> {
    this.#begun = true;
    for (const phase of ["prestart", "createRuntime", "createContainer"] as const) {
      await runHooks(phase, this.#bundle.hooks, this.#state("creating"));
    }
  }

  /** The program runs; it does not wait for these. */
  afterStart(): void {
    this.#afterStart = runHooks("poststart", this.#bundle.hooks, this.#state("running"));
  }

  /** Nothing of the container is left. */
  async afterEnd(): Promise<void> {
    await this.#afterStart;
    if (this.#begun) await runHooks("poststop", this.#bundle.hooks, this.#state("stopped"));
  }

  #state(status: OciState["status"]): OciState {
    const { ociVersion, directory: bundle, annotations } = this.#bundle;
    const running = status === "stopped" ? {} : { pid: Deno.pid };
    return { ociVersion, id: this.#id, status, ...running, bundle, annotations };
  }
}

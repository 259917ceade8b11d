/** Podman with podvisor as its runtime, with images and containers of its own. */
import { type Ended, Place, run, tryRun } from "./place.ts";

/** What podman's defaults for limits ask for is more than a container of this host may have. */
const LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"];

/** The image that is there. */
export const IMAGE = "localhost/pve";
/** A network that has an interface on a bridge of the place's own. */
export const NETWORK = "pve";

export class Podman implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();

  private constructor(readonly place: Place) {}

  static async make(): Promise<Podman> {
    const place = await Place.make();
    const podman = new Podman(place);
    await using undo = new AsyncDisposableStack();
    undo.use(place);
    undo.defer(() => podman.#clear());
    await podman.must("import", await place.rootArchive(), IMAGE);
    await podman.must("network", "create", NETWORK);
    podman.#resources.use(undo.move());
    return podman;
  }

  /** The command line of a call of podman. */
  command(...args: string[]): string[] {
    const { path, runtime } = this.place;
    return this.place.inside([
      "podman",
      ...["--root", `${path}/storage`, "--runroot", `${path}/run`, "--tmpdir", `${path}/libpod`],
      ...["--network-config-dir", `${path}/networks`, "--cgroup-manager", "cgroupfs"],
      ...["--events-backend", "file", "--runtime", runtime],
      ...args,
    ]);
  }

  /** The command line of `podman run`, without `run`'s own `--rm`. */
  runCommand(...args: string[]): string[] {
    return this.command("run", ...LIMITS, ...args);
  }

  async try(...args: string[]): Promise<Ended> {
    return await tryRun(this.command(...args));
  }

  /** Calls podman, which must succeed; what it printed, without the last line's end. */
  async must(...args: string[]): Promise<string> {
    return (await run(this.command(...args))).trimEnd();
  }

  /** `podman run`, to its end. */
  async run(...args: string[]): Promise<Ended> {
    return await tryRun(this.runCommand(...args));
  }

  /** `podman run` in the background. */
  async start(name: string, ...args: string[]): Promise<void> {
    await run(this.runCommand("--detach", "--name", name, ...args));
  }

  async #clear(): Promise<void> {
    await this.try("pod", "rm", "--all", "--force", "--time", "0");
    await this.try("rm", "--all", "--force", "--time", "0");
    // It mounts its storage on itself.
    await tryRun(["umount", `${this.place.path}/storage/overlay`]);
    await tryRun(["umount", `${this.place.path}/networks`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

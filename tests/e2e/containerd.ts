/** A containerd of the test's own, and `ctr` with podvisor as its runtime. */
import { eventually } from "../harness/podvisor.ts";
import { type Ended, Place, run, tryRun } from "./place.ts";

/** The image that is there. */
export const IMAGE = "localhost/pve:latest";

export class Containerd implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();

  private constructor(readonly place: Place) {}

  static async make(): Promise<Containerd> {
    const place = await Place.make();
    await using undo = new AsyncDisposableStack();
    undo.use(place);
    const containerd = new Containerd(place);
    await containerd.#configure();
    const [program, ...args] = place.inside(["containerd", "--config", place.file("config.toml")]);
    using log = await Deno.open(place.file("log"), { create: true, write: true });
    const server = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const logged = server.stderr.pipeTo(log.writable).catch(() => {});
    undo.defer(async () => {
      await containerd.#clear();
      server.kill("SIGTERM");
      await server.status;
      await logged;
    });
    await eventually("containerd", async () => (await containerd.try("version")).code === 0);
    await containerd.#import();
    containerd.#resources.use(undo.move());
    return containerd;
  }

  async try(...args: string[]): Promise<Ended> {
    return await tryRun(this.command(...args));
  }

  /** The command line of a call of `ctr`. */
  command(...args: string[]): string[] {
    return this.place.inside([
      "ctr",
      ...["--address", this.place.file("c.sock"), "--namespace", "pve"],
      ...args,
    ]);
  }

  /** Calls `ctr`, which must succeed; what it printed, without the last line's end. */
  async must(...args: string[]): Promise<string> {
    return (await run(this.command(...args))).trimEnd();
  }

  /** The command line of `ctr run`. */
  runCommand(...args: string[]): string[] {
    return this.command("run", "--runc-binary", this.place.runtime, ...args);
  }

  async #configure(): Promise<void> {
    const { place } = this;
    await Deno.writeTextFile(
      place.file("config.toml"),
      [
        "version = 2",
        `root = "${place.file("lib")}"`,
        `state = "${place.file("run")}"`,
        `disabled_plugins = ["io.containerd.grpc.v1.cri"]`,
        "[grpc]",
        `  address = "${place.file("c.sock")}"`,
        "[plugins.'io.containerd.internal.v1.opt']",
        `  path = "${place.file("opt")}"`,
        "",
      ].join("\n"),
    );
  }

  /** ctr takes archives in docker's form, with a manifest of their own. */
  async #import(): Promise<void> {
    const directory = this.place.file("image");
    await Deno.mkdir(directory);
    await Deno.rename(await this.place.rootArchive(), `${directory}/layer.tar`);
    const digest = await sha256(`${directory}/layer.tar`);
    const config = {
      architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
      os: "linux",
      config: { Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    };
    await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify(config));
    const manifest = [{ Config: "config.json", RepoTags: [IMAGE], Layers: ["layer.tar"] }];
    await Deno.writeTextFile(`${directory}/manifest.json`, JSON.stringify(manifest));
    await run(["tar", "-C", directory, "-cf", this.place.file("image.tar"), "."]);
    await this.must("image", "import", this.place.file("image.tar"));
  }

  async #clear(): Promise<void> {
    const tasks = await this.try("task", "ls", "--quiet");
    for (const id of tasks.stdout.split("\n").filter((each) => each !== "")) {
      await this.try("task", "delete", "--force", id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

async function sha256(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

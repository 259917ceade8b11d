/** A place for tests of templates: a cache of its own, with the guest that is built already. */
import { join } from "@std/path";
import { findPaths } from "../../lib/config/mod.ts";
import { Bench, type Finished } from "./podvisor.ts";

/** Runs podvisor with templates of its own. */
export class TemplateBench implements AsyncDisposable {
  private constructor(readonly bench: Bench, readonly cache: string) {}

  static async make(): Promise<TemplateBench> {
    await using undo = new AsyncDisposableStack();
    const bench = undo.use(await Bench.make());
    const cache = join(bench.state, "cache");
    await Deno.mkdir(cache);
    for (const name of ["guest", "busybox"]) {
      await Deno.symlink(join(findPaths().cache, name), join(cache, name));
    }
    undo.move();
    return new TemplateBench(bench, cache);
  }

  /** Directory of the templates. */
  get directory(): string {
    return join(this.cache, "templates");
  }

  /** Runs podvisor to its end. @param use as `PODVISOR_TEMPLATE` has it */
  async podvisor(args: readonly string[], use = "use", stdin?: string): Promise<Finished> {
    return await this.bench.podvisor(args, {
      env: this.env(use),
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  env(use = "use"): Record<string, string> {
    return { PODVISOR_CACHE: this.cache, PODVISOR_TEMPLATE: use };
  }

  /** Runs it to a good end, and returns what it printed. */
  async done(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.podvisor(args);
    if (code !== 0 || stderr !== "") throw new Error(`${args.join(" ")}: ${code}: ${stderr}`);
    return stdout;
  }

  /** Keys of the templates that are there. */
  async keys(): Promise<string[]> {
    const listed = JSON.parse(await this.done("template", "list", "--json"));
    return listed.map(({ key }: { key: string }) => key);
  }

  /** Key of the template that a pod was restored from; nothing for one that has booted. */
  async origin(pod: string): Promise<string | undefined> {
    return JSON.parse(await this.done("pod", "inspect", pod)).vm.template;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bench[Symbol.asyncDispose]();
  }
}

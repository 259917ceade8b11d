import { join } from "@std/path";
import { createNamespace, deleteNamespace, openNamespace } from "../../lib/network/mod.ts";
import type { Fd } from "../../lib/sys/mod.ts";

/** A network namespace of a test's own, which ends with it. */
export interface Sandbox extends AsyncDisposable {
  path: string;
  namespace: Fd;
  /** Runs a command line in it and returns what it prints. Throws when it fails. */
  run(command: string): Promise<string>;
  /** The same, for what prints JSON. */
  json(command: string): Promise<JsonObject[]>;
  /** All that iproute2 can say of it. */
  dump(): Promise<Record<string, JsonObject[]>>;
}

// Opens libc, which the test that happens to come first must not be blamed for.
openNamespace("/proc/self/ns/net").close();

export type JsonObject = Record<string, unknown>;

const DUMPS = [
  "ip -j -d addr",
  "ip -j -4 route show table all",
  "ip -j -6 route show table all",
  "ip -j neigh show nud permanent",
  "tc -j qdisc",
  "bridge -j link",
];

/** Makes a network namespace for a test. Needs root. */
export async function makeSandbox(): Promise<Sandbox> {
  await using undo = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "podvisor-test-" });
  undo.defer(() => Deno.remove(directory, { recursive: true }));
  const path = join(directory, "namespace");
  createNamespace(path);
  undo.defer(() => deleteNamespace(path));
  const namespace = undo.use(openNamespace(path));
  const run = async (command: string) => {
    const { success, stdout, stderr } = await new Deno.Command("nsenter", {
      args: [`--net=${path}`, "sh", "-c", command],
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`${command}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  };
  // Nobody else is there, so that addresses need not be checked to be nobody else's.
  await run("for f in all default; do echo 0 > /proc/sys/net/ipv6/conf/$f/accept_dad; done");
  const json = async (command: string) => JSON.parse((await run(command)) || "[]") as JsonObject[];
  const dump = async () => {
    const entries: [string, JsonObject[]][] = [];
    for (const command of DUMPS) entries.push([command, await json(command)]);
    return Object.fromEntries(entries);
  };
  const kept = undo.move();
  return { path, namespace, run, json, dump, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Waits until nothing changes by itself any more: carriers come up, and addresses with them, a moment late. */
export async function settle(...sandboxes: Sandbox[]): Promise<void> {
  let before = "";
  for (let tries = 0; tries < 400; tries++) {
    const texts = await Promise.all(sandboxes.map(({ run }) => run("ip -o addr; ip -o link")));
    const now = texts.join();
    if (now === before && !/tentative|NO-CARRIER|LOWERLAYERDOWN/.test(now)) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`Cannot go on: the network does not come to rest: ${before}`);
}

import { basename } from "@std/path";
import { checkPod, checkRun, type Made } from "./life.ts";
import { bootOptions, CC_PROXY, CC_SHIM, GUEST_PROGRAMS } from "./programs.ts";
import { Syslog } from "./syslog.ts";

interface Combination {
  name: string;
  guest: Made["guest"];
  /** Makes podvisor's options. */
  options(directory: string): Promise<string[]>;
}

const builtin = {
  name: "the built-in guest",
  guest: "builtin",
  options: () => Promise.resolve([]),
} as const;
const proxy = CC_PROXY ? [`--proxy=cc-proxy=${CC_PROXY}`] : undefined;
const shim = CC_SHIM ? [`--shim=cc-shim=${CC_SHIM}`] : undefined;

function* combinations(): Generator<Combination> {
  const guests: Combination[] = [
    builtin,
    ...GUEST_PROGRAMS.map((program): Combination => ({
      name: basename(program.path),
      guest: program.kind,
      options: (directory) => bootOptions(program, directory),
    })),
  ];
  for (const [at, { name, guest, options }] of guests.entries()) {
    const label = guest === "hyperstart" ? `C hyperstart ${at}` : name;
    const made = (what: string, more: string[]): Combination => ({
      name: `${label}, ${what}`,
      guest,
      options: async (directory) => [...await options(directory), ...more],
    });
    if (guest !== "builtin") yield made("the built-in proxy and shim", []);
    // cc-proxy adds keys to messages that C hyperstart refuses.
    if (proxy && guest !== "hyperstart") yield made("cc-proxy", proxy);
    if (shim) yield made("cc-shim", shim);
    if (proxy && shim && guest !== "hyperstart") {
      yield made("cc-proxy and cc-shim", [...proxy, ...shim]);
    }
  }
}

for (const { name, guest, options } of combinations()) {
  for (const [what, check] of [["a command", checkRun], ["a pod", checkPod]] as const) {
    Deno.test(`${what} with ${name}`, async () => {
      using _syslog = new Syslog();
      const directory = await Deno.makeTempDir();
      await check({ guest, options: await options(directory) });
      await Deno.remove(directory, { recursive: true });
    });
  }
}

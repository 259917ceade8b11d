import { assert, assertEquals } from "@std/assert";

/** What the verbs that engines call for each container have no use for: it would take longer than all that they do. */
const HEAVY =
  /lib\/(hypervisor\/qemu|network|shim\/mod|guest|storage|proxy\/(server|main|registry))/;
const VERBS = ["state", "start", "kill", "delete"];

interface Graph {
  roots: string[];
  modules: {
    specifier: string;
    dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[];
  }[];
}

/** The modules that are loaded with one, those that are imported later left out. */
async function loadedWith(specifier: string): Promise<Set<string>> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json", specifier] });
  const { stdout } = await command.output();
  const { roots, modules }: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const loaded = new Set<string>();
  const load = (specifier: string) => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    for (const each of modules.find((one) => one.specifier === specifier)?.dependencies ?? []) {
      if (!each.isDynamic && each.code?.specifier) load(each.code.specifier);
    }
  };
  roots.forEach(load);
  return loaded;
}

for (const verb of VERBS) {
  Deno.test(`the verb ${verb} of engines loads nothing of the making of VMs`, async () => {
    const specifier = import.meta.resolve(`../../../lib/cli/commands/oci_${verb}.ts`);
    const loaded = [...await loadedWith(specifier)];
    assert(loaded.some((each) => each.endsWith("lib/pod/load_pod.ts")));
    assertEquals(loaded.filter((each) => HEAVY.test(each)), []);
  });
}

import { chooseEndpoints, hostFacts, scanNamespace } from "../../network/mod.ts";
import { addNetwork } from "../../pod/mod.ts";
import { openNetworkNamespace } from "../../sys/mod.ts";
import type { VerbContext } from "./context.ts";

/**
 * Connects a pod to what its engine has put into its network namespace since it was made: some do that between `create`
 * and `start`, in the namespace of the process that they were told.
 *
 * @param namespace its path
 * @throws {Failure} naming an interface that cannot be connected
 */
export async function connectOwnNetwork(
  { allTools }: VerbContext,
  pod: string,
  namespace: string,
): Promise<void> {
  const tools = await allTools();
  for (const name of interfacesIn(namespace)) {
    await addNetwork(tools, pod, {
      interface: { kind: "netns", name, model: "tcfilter" },
      routes: [],
    });
  }
}

function interfacesIn(path: string): string[] {
  using namespace = openNetworkNamespace(path);
  const { links } = scanNamespace(namespace);
  const facts = { ...hostFacts(namespace, false), isSocket: () => false };
  return chooseEndpoints(links, facts).map(({ link }) => link.name);
}

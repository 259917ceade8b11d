import { getLogger } from "../../log.ts";
import { chooseEndpoints, hostFacts, scanNamespace } from "../../network/mod.ts";
import { addNetwork } from "../../pod/mod.ts";
import { openNetworkNamespace, unmountNetworkNamespace } from "../../sys/mod.ts";
import type { RuntimeContext } from "./context.ts";
import type { RuntimeRecord } from "./record.ts";

/**
 * Connects a pod to what its engine has put into its network namespace since it was made: some do that between `create`
 * and `start`, in the namespace of the process that they were told.
 *
 * @throws {Failure} naming an interface that cannot be connected
 */
export async function connectOwnNetwork(
  { tools }: RuntimeContext,
  { ownNetwork, pod }: RuntimeRecord,
): Promise<void> {
  if (ownNetwork === null) return;
  for (const name of interfacesIn(ownNetwork)) {
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

/** Takes a container's own network namespace away; one that is not there is fine. */
export function removeOwnNetwork({ ownNetwork, id }: RuntimeRecord): void {
  if (ownNetwork === null) return;
  try {
    unmountNetworkNamespace(ownNetwork);
  } catch (error) {
    getLogger("oci").debug("network namespace was not there", { container: id, error });
  }
}

import { getLogger } from "../../log.ts";
import { unmountNetworkNamespace } from "../../sys/mod.ts";
import type { RuntimeRecord } from "./record.ts";

/** Takes a container's own network namespace away; one that is not there is fine. */
export function removeOwnNetwork({ ownNetwork, id }: RuntimeRecord): void {
  if (ownNetwork === null) return;
  try {
    unmountNetworkNamespace(ownNetwork);
  } catch (error) {
    getLogger("oci").debug("network namespace was not there", { container: id, error });
  }
}

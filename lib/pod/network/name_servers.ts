import { basename, dirname, join } from "@std/path";
import type { NameServers } from "../records.ts";

/** Where iproute2 keeps namespaces by name (ip-netns(8)), and files that belong to them. */
const NAMED = ["/run/netns", "/var/run/netns"], NAMED_FILES = "/etc/netns";
/** systemd-resolved(8) writes the servers that it asks itself to the second. */
const HOST_FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/** resolv.conf(5): further ones are not asked. */
const MAX_SERVERS = 3;

/**
 * The name servers and search domains of a network namespace: its own where iproute2 has some for its name, or else the
 * host's. Servers on the loopback interface cannot be reached from a VM and are left out.
 *
 * @param namespace path; undefined for a pod's own
 */
export async function findNameServers(namespace: string | undefined): Promise<NameServers> {
  const named = namespace !== undefined && NAMED.includes(dirname(namespace));
  const own = named ? [join(NAMED_FILES, basename(namespace), "resolv.conf")] : [];
  let found: NameServers = { servers: [], search: [] };
  for (const path of [...own, ...HOST_FILES]) {
    const text = await readIfThere(path);
    if (text === undefined) continue;
    found = readResolvConf(text);
    if (found.servers.length > 0 || own.includes(path)) return found;
  }
  return found;
}

/** The servers and search domains in the text of a resolv.conf, without servers on the loopback interface. */
export function readResolvConf(text: string): NameServers {
  const servers: string[] = [];
  let search: string[] = [];
  for (const line of text.split("\n")) {
    const [key, ...values] = line.replace(/[#;].*/, "").trim().split(/\s+/);
    // A zone after % is that of an interface of the host.
    if (key === "nameserver" && values[0] && !/^127\.|^::1$|%/.test(values[0])) {
      servers.push(values[0]);
    }
    // The last one counts.
    if (key === "search" || key === "domain") search = values.filter((each) => each !== ".");
  }
  return { servers: servers.slice(0, MAX_SERVERS), search };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

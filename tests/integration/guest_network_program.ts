/** Does what the guest does with interfaces and routes, in the network namespace that it is started in. */
import { parseStartPod } from "../../lib/hyperstart/mod.ts";
import { configureNetwork } from "../../lib/guest/agent/network.ts";
import { deleteRoutes } from "../../lib/guest/agent/routes.ts";

const { interfaces, routes } = parseStartPod(await new Response(Deno.stdin.readable).bytes());
try {
  if (Deno.args[0] === "delete") deleteRoutes(routes);
  else await configureNetwork(interfaces, routes);
} catch (error) {
  Deno.stderr.writeSync(new TextEncoder().encode(`${(error as Error).message}\n`));
  Deno.exit(1);
}

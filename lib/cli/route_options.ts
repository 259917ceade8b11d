import type { GuestRoute } from "../hyperstart/mod.ts";
import { isLinkName } from "./network_options.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";

const MAX_NUMBER = 2 ** 32 - 1;

/** The option that names routes. */
export const ROUTE_OPTION: OptionSpec = {
  name: "route",
  kind: "list",
  placeholder: "DEST[,via=ADDR][,dev=NAME][,src=ADDR][,metric=N][,mtu=N][,onlink]",
  help: "A route; DEST is ADDR/LEN or default",
};

/** Reads {@linkcode ROUTE_OPTION}. @throws {Failure} naming a route that will not do */
export async function readRoutes(options: ParsedOptions): Promise<GuestRoute[]> {
  const texts = options.list("route");
  if (texts.length === 0) return [];
  const { formatIp, isIp, parsePrefix } = await import("../network/mod.ts");
  return texts.map((text) => {
    const [dest = "", ...words] = text.split(",");
    const route: GuestRoute = { dest: "" };
    const address = (value: string) => {
      if (!isIp(value)) throw badValue("route", text, `${JSON.stringify(value)} is no IP address`);
      return value;
    };
    const number = (value: string) => {
      if (/^\d{1,10}$/.test(value) && Number(value) <= MAX_NUMBER) return Number(value);
      throw badValue(
        "route",
        text,
        `${JSON.stringify(value)} is no number from 0 to ${MAX_NUMBER}`,
      );
    };
    for (const word of words) {
      const [, name, value = ""] = /^([^=]*)=?(.*)$/s.exec(word)!;
      if (name === "via") route.gateway = address(value);
      else if (name === "dev" && isLinkName(value)) route.device = value;
      else if (name === "src") route.src = address(value);
      else if (name === "metric") route.metric = number(value);
      else if (name === "mtu") route.mtu = number(value);
      else if (word === "onlink") route.onlink = true;
      else throw badValue("route", text, `${JSON.stringify(word)} is unknown`);
    }
    if (!route.gateway && !route.device) throw badValue("route", text, "it needs via or dev");
    if (dest === "default") {
      return { ...route, dest: route.gateway?.includes(":") ? "::/0" : "default" };
    }
    try {
      const { address: bytes, length } = parsePrefix(dest);
      return { ...route, dest: `${formatIp(bytes)}/${length}` };
    } catch {
      throw badValue("route", text, "its destination is neither ADDR/LEN nor default");
    }
  });
}

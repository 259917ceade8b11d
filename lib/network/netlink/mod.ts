/** A client of the kernel's routing subsystem (rtnetlink(7)): links, addresses, routes, neighbours, traffic control. */
export * from "./addresses.ts";
export { isNetlinkError, type KernelAnswer, MalformedMessage, NetlinkError } from "./error.ts";
export * from "./link_changes.ts";
export { getLink, type Link, type LinkId, listLinks } from "./links.ts";
export * from "./neighbours.ts";
export {
  listRoutes,
  type NextHop,
  type Route,
  ROUTE_PROTOCOLS,
  ROUTE_SCOPES,
  ROUTE_TABLES,
  type RouteType,
} from "./routes.ts";
export { addRoute, deleteRoute, describeRoute, type NewRoute } from "./route_changes.ts";
export { NetlinkSocket, type NetlinkTransport } from "./socket.ts";
export * from "./traffic.ts";

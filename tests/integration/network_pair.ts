import {
  addAddress,
  addLink,
  ADDRESS_FLAGS,
  getLink,
  NetlinkSocket,
  setLink,
} from "../../lib/network/mod.ts";

/** v0 with addresses, and v1, its other end. */
export function addPair(socket: NetlinkSocket) {
  addLink(socket, {
    kind: "veth",
    name: "v0",
    mac: "02:00:00:00:00:10",
    mtu: 1400,
    txqlen: 77,
    peer: { name: "v1", mtu: 1400 },
  });
  const [v0, v1] = [getLink(socket, "v0"), getLink(socket, "v1")];
  setLink(socket, v1, { up: true });
  setLink(socket, v0, { up: true });
  addAddress(socket, v0, { address: "10.1.0.2", prefixLength: 24, broadcast: "10.1.0.255" });
  const flags = ADDRESS_FLAGS.NODAD;
  addAddress(socket, v0, { address: "fd01::2", prefixLength: 64, flags });
  return { v0, v1 };
}

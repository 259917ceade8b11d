import { bindSocket, type Fd, openSocketIn, SOCK_RAW } from "../../lib/sys/mod.ts";
import { readSome, setNonblocking, writeSome } from "../../lib/sys/mod.ts";
import { parseMac } from "../../lib/network/mod.ts";

const AF_PACKET = 17, ETH_P_ALL_SWAPPED = 0x0300;
/** For experiments (IEEE 802). */
const ETHER_TYPE = [0x88, 0xb5];
const VNET_HEADER = 10;

/** Where Ethernet frames go in and out. */
export interface FramePort {
  descriptor: Fd;
  /** Bytes in front of each frame. */
  header: number;
}

/** A socket that takes and sends the frames of a link as they are (packet(7)). */
export function openLink(namespace: Fd, index: number): FramePort {
  const descriptor = openSocketIn(namespace, AF_PACKET, SOCK_RAW, ETH_P_ALL_SWAPPED);
  // struct sockaddr_ll: u16 family, u16 protocol (network order), i32 index, …
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, ETH_P_ALL_SWAPPED, true);
  address.setInt32(4, index, true);
  bindSocket(descriptor, new Uint8Array(address.buffer));
  setNonblocking(descriptor.number);
  return { descriptor, header: 0 };
}

/** The end of a tap that belongs to the VM. */
export function tapPort(descriptor: Fd): FramePort {
  setNonblocking(descriptor.number);
  return { descriptor, header: VNET_HEADER };
}

/** Sends a frame with a text in it. */
export function sendFrame(port: FramePort, to: string, from: string, text: string): void {
  const frame = new Uint8Array(port.header + 60);
  frame.set([...parseMac(to), ...parseMac(from), ...ETHER_TYPE], port.header);
  frame.set(new TextEncoder().encode(text + "\0"), port.header + 14);
  const written = writeSome(port.descriptor.number, frame);
  if (written !== frame.length) throw new Error(`Cannot send a frame: ${written}`);
}

/** The texts of frames that have come in, until one is `last` or nothing has come for two seconds. */
export async function receiveFrames(ports: FramePort[], last: string): Promise<string[]> {
  const texts: string[] = [];
  const memory = new Uint8Array(65536);
  for (let tries = 0; tries < 400; tries++) {
    for (const { descriptor, header } of ports) {
      for (let size; (size = readSome(descriptor.number, memory)) > 0;) {
        const frame = memory.subarray(header, size);
        if (frame[12] !== ETHER_TYPE[0] || frame[13] !== ETHER_TYPE[1]) continue;
        const text = new TextDecoder().decode(frame.subarray(14)).split("\0")[0]!;
        texts.push(text);
      }
    }
    if (texts.includes(last)) return texts;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return texts;
}

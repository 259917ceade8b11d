/**
 * Recorded sessions, as steps in the order of time. A step's line says when, on which channel and in which direction;
 * its bytes are the next frame of that channel's file.
 */
import { fromFileUrl } from "@std/path";
import { ControlDecoder, encodeControlFrame, StreamDecoder } from "../../../lib/hyperstart/mod.ts";
import { ProxyDecoder } from "../../../lib/proxy/mod.ts";

/** Recordings of the original programs: a folder beside the repository's, which need not be there. */
const CAPTURES = fromFileUrl(new URL("../../../../shared/captures/", import.meta.url));
/** Recordings that are part of the repository. */
const OWN = fromFileUrl(new URL("./vectors/", import.meta.url));

/** A connection: the guest's two ports, or the N-th client of the proxy. */
export type Channel = "ctl" | "tty" | `prx#${number}`;

/** One thing that happened. */
export type Step =
  /** `toPeer`: from the host to the guest, or from a client to the proxy. */
  | { kind: "frame"; line: number; channel: Channel; toPeer: boolean; bytes: Uint8Array }
  | { kind: "connect" | "serverClosed" | "clientClosed"; line: number; channel: Channel };

/** Reads a session of the original programs; undefined where the recordings are not there. */
export function recordedSession(name: string): Step[] | undefined {
  try {
    return readSession(`${CAPTURES}${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads a session of the repository: its lines hold the bytes, in hexadecimal digits. */
export function ownSession(name: string): Step[] {
  const lines = Deno.readTextFileSync(`${OWN}${name}.txt`).split("\n");
  return lines.flatMap((text, at): Step[] => {
    const line = at + 1;
    const event = eventIn(text, line);
    if (event) return [event];
    const [, channel, arrow, hex] = /^(\S+) (->|<-) ([0-9a-f ]+)$/.exec(text) ?? [];
    if (channel === undefined) return [];
    const bytes = Uint8Array.from(
      hex!.replaceAll(" ", "").match(/../g)!,
      (each) => parseInt(each, 16),
    );
    return [{ kind: "frame", line, channel: channel as Channel, toPeer: arrow === "->", bytes }];
  });
}

function readSession(path: string): Step[] {
  const text = Deno.readTextFileSync(`${path}.txt`);
  const frames = new Map<string, Uint8Array[]>();
  const take = (channel: Channel, toPeer: boolean): Uint8Array => {
    const key = `${channel.replace("#", "-")}.${toPeer ? "host-to-peer" : "peer-to-host"}`;
    if (!frames.has(key)) frames.set(key, split(channel, Deno.readFileSync(`${path}.${key}.bin`)));
    const next = frames.get(key)!.shift();
    if (!next) throw new Error(`${path}: ${key} has fewer frames than the session`);
    return next;
  };
  return text.split("\n").flatMap((each, at): Step[] => {
    const line = at + 1;
    const [, rest] = /^\[ *[\d.]+\] (.*)$/.exec(each) ?? [];
    if (rest === undefined) return [];
    const event = eventIn(rest, line);
    if (event) return [event];
    const [, channel, arrow] = /^(ctl|tty|prx#\d+) +(->|<-)/.exec(rest) ?? [];
    if (channel === undefined) return [];
    const toPeer = arrow === "->";
    const bytes = take(channel as Channel, toPeer);
    return [{ kind: "frame", line, channel: channel as Channel, toPeer, bytes }];
  });
}

function eventIn(text: string, line: number): Step | undefined {
  const [, channel, what] =
    /^### (ctl|tty|prx#\d+): (client connected|server half closed|client half closed)/.exec(text) ??
      [];
  if (channel === undefined) return undefined;
  const kind = what === "client connected"
    ? "connect"
    : what === "server half closed"
    ? "serverClosed"
    : "clientClosed";
  return { kind, line, channel: channel as Channel };
}

/** The frames that a channel's bytes are made of. */
function split(channel: Channel, bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  if (channel === "ctl") {
    const decoder = new ControlDecoder();
    decoder.push(bytes);
    for (let frame; (frame = decoder.next());) {
      frames.push(encodeControlFrame(frame.code, frame.payload));
    }
    return frames;
  }
  const decoder = channel === "tty" ? new StreamDecoder() : new ProxyDecoder();
  decoder.push(bytes);
  for (let frame; (frame = decoder.next());) frames.push(frame.bytes.slice());
  return frames;
}

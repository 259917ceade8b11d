import { readU32, writeU32 } from "./byte_order.ts";
import { Fields } from "./fields.ts";
import { encodeStreamFrame } from "./stream_frame.ts";

/*
 * What podvisor adds to the protocol, beside the keys marked "Extension" in messages.ts. Everything here is invisible
 * to programs that do not know it.
 *
 * READY: hosts look at its code only, so the built-in guest puts a JSON object there that says who it is and what it
 * can do beyond the Go agent (`GuestHello`). An empty payload means: nothing beyond.
 */

/** What the built-in guest says of itself in READY. */
export interface GuestHello {
  /** Name of the program, `podvisor`. Empty: a guest that says nothing. */
  agent: string;
  version: string;
  features: string[];
  /** Longest control message that the guest takes, in bytes with header. */
  maxMessage: number;
  /** Longest stream payload that the guest takes, in bytes. */
  maxStreamPayload: number;
  /** What its clock said then, in microseconds since 1970. 0: it does not say. */
  clock: number;
}

/**
 * Names of features. `signal-sequence`: code 24 with `{"seq": n, "signal": n}` (`SequenceSignal`) signals the process
 * whose stdio has that sequence, be it a container's init or not.
 */
export const FEATURE_SIGNAL_SEQUENCE = "signal-sequence";

/**
 * `update-container`: code 64 (`UpdateContainer` in messages.ts) sets the limits of a container that runs. Guests that
 * do not know it answer ERROR.
 */
export const FEATURE_UPDATE_CONTAINER = "update-container";

/**
 * `trace`: code 65 (`TraceCommand` in guest_trace.ts) has the guest record where its time goes, and is answered with
 * what was recorded so far (`GuestTrace`). The host asks when it traces itself.
 */
export const FEATURE_TRACE = "trace";

/** Code of the command for a trace. */
export const TRACE_CODE = 65;

/**
 * `stream-credit`: flow control for each process by itself, in both directions. A process that is started with
 * `outputCredit` (`Process` in messages.ts) sends so many bytes of payload on each of its output sequences, and then as
 * many as the host grants further (`StreamGrant`): one whose output nobody takes stops by itself and leaves the channel
 * to the others. The empty frame at the end and the status need no credit. In return the host sends it no more stdin
 * than `INPUT_CREDIT` and what the guest grants: one that reads none does not keep grants from the others either.
 */
export const FEATURE_STREAM_CREDIT = "stream-credit";

/** Bytes of stdin that a process takes before its guest has granted any. */
export const INPUT_CREDIT = 1 << 20;

/** Sequence of grants, on the stream channel in both directions. No process has it. */
export const GRANT_SEQUENCE = 0;

/** A grant of this many bytes lifts the limit for good. */
export const UNLIMITED_GRANT = 0xffff_ffff;

/** Further credit for a sequence. */
export interface StreamGrant {
  sequence: number;
  bytes: number;
}

/** Bytes of a grant: u64 sequence, u32 bytes, both big-endian. */
const GRANT_LENGTH = 12;

/** The stream frame with these grants. */
export function encodeGrants(grants: readonly StreamGrant[]): Uint8Array {
  const payload = new Uint8Array(grants.length * GRANT_LENGTH);
  grants.forEach(({ sequence, bytes }, at) => {
    writeU32(payload, at * GRANT_LENGTH, Math.floor(sequence / 2 ** 32));
    writeU32(payload, at * GRANT_LENGTH + 4, sequence);
    writeU32(payload, at * GRANT_LENGTH + 8, bytes);
  });
  return encodeStreamFrame(GRANT_SEQUENCE, payload);
}

/** Reads the payload of a frame on {@linkcode GRANT_SEQUENCE}; what is no whole grant at its end is left out. */
export function parseGrants(payload: Uint8Array): StreamGrant[] {
  return Array.from({ length: Math.floor(payload.length / GRANT_LENGTH) }, (_, index) => {
    const at = index * GRANT_LENGTH;
    const sequence = readU32(payload, at) * 2 ** 32 + readU32(payload, at + 4);
    return { sequence, bytes: readU32(payload, at + 8) };
  });
}

/** Code of new limits, far from what any of the originals uses. */
export const UPDATE_CONTAINER_CODE = 64;

/**
 * `delete-route`: code 68 (`SetupRoutes` in messages.ts) takes routes away. Guests that do not know it answer ERROR.
 */
export const FEATURE_DELETE_ROUTE = "delete-route";

/** Code of routes that go. */
export const DELETE_ROUTE_CODE = 68;

/** Code of a signal by sequence, the one that C hyperstart gives to SIGNALPROCESS. */
export const SIGNAL_SEQUENCE_CODE = 24;

/**
 * `container-cgroup`: code 66 (`FreezeContainer` in messages.ts) makes a container's processes stand still and lets them
 * go on; code 67 (the payload of REMOVECONTAINER) is answered with what its cgroup has counted, a JSON object of
 * the texts of {@linkcode CGROUP_COUNTERS}, as far as the kernel has them. Guests that do not know them answer ERROR.
 */
export const FEATURE_CONTAINER_CGROUP = "container-cgroup";

/** Codes of the two, beside that of new limits. */
export const FREEZE_CONTAINER_CODE = 66;
export const CONTAINER_COUNTERS_CODE = 67;

/** Files of a cgroup (Documentation/admin-guide/cgroup-v2.rst) that say what a container has used. */
export const CGROUP_COUNTERS = [
  "cpu.stat",
  "memory.current",
  "memory.peak",
  "memory.max",
  "memory.stat",
  "memory.events",
  "memory.swap.current",
  "pids.current",
  "pids.max",
  "io.stat",
] as const;

/** Texts of {@linkcode CGROUP_COUNTERS}; those that the guest's kernel does not have are absent. */
export type CgroupCounters = Partial<Record<typeof CGROUP_COUNTERS[number], string>>;

/** Reads the counters that a guest answers with. Throws `MessageError`. */
export function parseCgroupCounters(payload: Uint8Array): CgroupCounters {
  const fields = Fields.parse(payload, "containercounters");
  return Object.fromEntries(
    CGROUP_COUNTERS.map((name) => [name, fields.string(name)] as const)
      .filter(([, text]) => text !== ""),
  );
}

/**
 * `held-container`: a NEWCONTAINER with `held` makes the container with all that it has, and its first process waits
 * before its program is executed; code 70 (the payload of REMOVECONTAINER) lets it go on, and is answered as NEWCONTAINER
 * is when the program has been executed. Guests that do not know it would start at once: hosts ask for it first.
 */
export const FEATURE_HELD_CONTAINER = "held-container";

/** Code of the command that lets a held container go on. */
export const RELEASE_CONTAINER_CODE = 70;

/** Payload of a signal by sequence. */
export interface SequenceSignal {
  seq: number;
  signal: number;
}

/** Reads a signal by sequence. Throws `MessageError`. */
export function parseSequenceSignal(payload: Uint8Array): SequenceSignal {
  const fields = Fields.parse(payload, "signalprocess");
  return { seq: fields.integer("seq"), signal: fields.integer("signal", 64) };
}

/** The payload of READY for a guest that says who it is. */
export function encodeGuestHello(hello: GuestHello): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(hello));
}

/** Bounds that a host puts on what a guest says of itself; the lower ones hold for a guest that says nothing. */
export interface HelloLimits {
  maxMessage: readonly [least: number, most: number];
  maxStreamPayload: readonly [least: number, most: number];
}

/** Reads the payload of READY. Limits outside `limits` come out as the nearest inside. Throws `MessageError`. */
export function parseGuestHello(payload: Uint8Array, limits: HelloLimits): GuestHello {
  const hello = payload.length === 0
    ? { agent: "", version: "", features: [], maxMessage: 0, maxStreamPayload: 0, clock: 0 }
    : readGuestHello(Fields.parse(payload, "ready"));
  const within = (value: number, [least, most]: readonly [number, number]) =>
    Math.min(Math.max(value, least), most);
  return {
    ...hello,
    maxMessage: within(hello.maxMessage, limits.maxMessage),
    maxStreamPayload: within(hello.maxStreamPayload, limits.maxStreamPayload),
  };
}

/** Reads a hello that is part of another message. Throws `MessageError`. */
export function readGuestHello(fields: Fields): GuestHello {
  return {
    agent: fields.string("agent"),
    version: fields.string("version"),
    features: fields.strings("features"),
    maxMessage: fields.integer("maxMessage"),
    maxStreamPayload: fields.integer("maxStreamPayload"),
    clock: fields.integer("clock"),
  };
}

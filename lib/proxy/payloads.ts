import {
  Fields,
  GUEST_DIALECTS,
  type GuestDialect,
  type GuestHello,
  readGuestHello,
} from "../hyperstart/mod.ts";

/** RegisterVM. */
export interface RegisterVM {
  containerId: string;
  /** Path of the control channel's Unix socket. */
  ctlSerial: string;
  /** Path of the stream channel's Unix socket. */
  ioSerial: string;
  /** Path of the console's Unix socket. */
  console?: string;
  /** Tokens wanted. */
  numIOStreams?: number;
  /** podvisor's own: the client traces, and will ask for what the proxy and the guest have recorded. */
  trace?: boolean;
}

/** AttachVM. */
export interface AttachVM {
  containerId: string;
  numIOStreams?: number;
  /** As in {@linkcode RegisterVM}. */
  trace?: boolean;
  /** podvisor's own: the VM has waited for a pod, and is `containerId`'s from now on. */
  spare?: SpareVM;
}

/** A VM that was registered before its pod was known. */
export interface SpareVM {
  /** Its `containerId` so far. */
  formerId: string;
  /** Where the proxy's socket is now. */
  url: string;
}

/** Signal, from a shim. Columns and rows come with SIGWINCH, and only with it. */
export interface Signal {
  signalNumber: number;
  columns: number;
  rows: number;
}

/** An entry for the proxy's log. */
export interface LogRecord {
  source: string;
  containerId: string;
  level: string;
  msg: string;
}

/** What RegisterVM and AttachVM answer. */
export interface IoDescription {
  /** Where shims connect. */
  url: string;
  tokens: string[];
  /** What the guest said of itself, where guest and proxy are podvisor's own. */
  guest?: GuestHello;
  /** Which guest it is, where the proxy is podvisor's own. It is not told of the Go agent, which is what clients expect. */
  dialect?: GuestDialect;
  /** Microseconds by which the guest's clock was behind the host's when it became ready, where it told. */
  clockOffset?: number;
}

/** Longest payload of a stdin frame that any proxy may ask for. */
const MAX_STDIN = 1 << 20;
const MAX_U16 = 0xffff;
/** Bound of our own; each token is a session with a queue. */
const MAX_TOKENS = 1024;

/** Reads RegisterVM. Like all readers here it throws `MessageError`. */
export function parseRegisterVM(payload: Uint8Array): Required<RegisterVM> {
  const fields = Fields.parse(payload, "RegisterVM");
  return {
    containerId: fields.string("containerId"),
    ctlSerial: fields.string("ctlSerial"),
    ioSerial: fields.string("ioSerial"),
    console: fields.string("console"),
    numIOStreams: fields.integer("numIOStreams", MAX_TOKENS),
    trace: fields.boolean("trace"),
  };
}

/** Reads AttachVM. */
export function parseAttachVM(
  payload: Uint8Array,
): Required<Omit<AttachVM, "spare">> & Pick<AttachVM, "spare"> {
  const fields = Fields.parse(payload, "AttachVM");
  return {
    containerId: fields.string("containerId"),
    numIOStreams: fields.integer("numIOStreams", MAX_TOKENS),
    trace: fields.boolean("trace"),
    ...(fields.has("spare") ? { spare: fields.object("spare", spareIn) } : {}),
  };
}

function spareIn(fields: Fields): SpareVM {
  return { formerId: fields.string("formerId"), url: fields.string("url") };
}

/** Reads UnregisterVM. */
export function parseUnregisterVM(payload: Uint8Array): { containerId: string } {
  return { containerId: Fields.parse(payload, "UnregisterVM").string("containerId") };
}

/**
 * What the built-in proxy grants the built-in shim: the response to a ConnectShim with the key `terms`, which cc-proxy
 * ignores. It answers nothing, so its own terms hold then.
 */
export interface ShimTerms {
  /** Longest payload of a stdin frame, in bytes. */
  maxStdin: number;
  /**
   * Bytes of stdin that may be under way: the proxy says what it has passed on (`Notification.stdinTaken`). 0: no
   * limit, and no such word. With one, stdin that the guest does not take cannot keep signals from the proxy.
   */
  stdinCredit: number;
}

const FOREIGN_TERMS: ShimTerms = { maxStdin: 8192, stdinCredit: 0 };

/** Reads ConnectShim. */
export function parseConnectShim(payload: Uint8Array): { token: string; terms: boolean } {
  const fields = Fields.parse(payload, "ConnectShim");
  return { token: fields.string("token"), terms: fields.boolean("terms") };
}

/** Reads the response to ConnectShim. */
export function parseShimTerms(payload: Uint8Array): ShimTerms {
  if (payload.length === 0) return FOREIGN_TERMS;
  const fields = Fields.parse(payload, "response");
  return {
    maxStdin: fields.integer("maxStdin", MAX_STDIN, 1),
    stdinCredit: fields.integer("stdinCredit"),
  };
}

/** Reads Signal. The signal's number is judged by the session. */
export function parseSignalCommand(payload: Uint8Array): Signal {
  const fields = Fields.parse(payload, "Signal");
  return {
    signalNumber: fields.integer("signalNumber", undefined, Number.MIN_SAFE_INTEGER),
    columns: fields.integer("columns", MAX_U16),
    rows: fields.integer("rows", MAX_U16),
  };
}

/** Reads a log record. */
export function parseLogRecord(payload: Uint8Array): LogRecord {
  const fields = Fields.parse(payload, "log");
  return {
    source: fields.string("source"),
    containerId: fields.string("containerId"),
    level: fields.string("level"),
    msg: fields.string("msg"),
  };
}

/** Reads the answer to RegisterVM and AttachVM; its `URL` may be spelt in any case. */
export function parseIoResponse(payload: Uint8Array): IoDescription {
  const fields = Fields.parse(payload, "response");
  return {
    ...fields.object("io", (io) => ({ url: io.string("URL"), tokens: io.strings("tokens") })),
    ...(fields.has("guest") ? { guest: fields.object("guest", readGuestHello) } : {}),
    ...dialectIn(fields),
    ...(fields.has("clockOffset") ? { clockOffset: offsetIn(fields) } : {}),
  };
}

function offsetIn(fields: Fields): number {
  return fields.integer("clockOffset", undefined, Number.MIN_SAFE_INTEGER);
}

function dialectIn(fields: Fields): { dialect?: GuestDialect } {
  const name = fields.string("dialect");
  const dialect = GUEST_DIALECTS.find((each) => each === name);
  return dialect ? { dialect } : {};
}

/**
 * The answer to RegisterVM and AttachVM: `URL` in capitals and `tokens` null rather than empty, as cc-proxy has them;
 * `guest` and `dialect` are podvisor's own, and left out for a guest that said nothing and for the Go agent.
 */
export function ioResponse(
  { url, tokens, guest, dialect = "go", clockOffset }: IoDescription,
): unknown {
  return {
    io: { URL: url, tokens: tokens.length > 0 ? tokens : null },
    ...(guest && guest.agent !== "" ? { guest } : {}),
    ...(clockOffset ? { clockOffset } : {}),
    ...(dialect === "c4242" || dialect === "c4244" ? { dialect } : {}),
  };
}

/** The text of an error response. Never throws: a response without one is described. */
export function parseErrorMessage(payload: Uint8Array): string {
  try {
    return Fields.parse(payload, "error").string("msg") || "the proxy gave no reason";
  } catch {
    return "the proxy's error response is malformed";
  }
}

import { Fields } from "./fields.ts";
import { guestInterface, guestRoute } from "./parse_network.ts";
import { process } from "./parse_process.ts";
import type { Complete } from "./complete.ts";
import type {
  ExecCommand,
  KillContainer,
  NamedSignal,
  NamedWindowSize,
  OnlineResources,
  ProcessEvent,
  PsContainer,
  RemoveContainer,
  StartPod,
  WindowSize,
} from "./messages.ts";

/*
 * Each parser takes the payload of a control frame from a peer that is not trusted and returns the message with every
 * key filled in. All throw `MessageError`. Types are checked, and numbers by their range; what a string means (a path,
 * an identifier, an address) is for the guest to judge.
 */

const MAX_U16 = 0xffff;
const MAX_U32 = 0xffffffff;
/** Largest signal number of Linux, SIGRTMAX. */
const MAX_SIGNAL = 64;

/** Reads STARTPOD. */
export function parseStartPod(payload: Uint8Array): Complete<StartPod> {
  const fields = Fields.parse(payload, "startpod");
  return {
    hostname: fields.string("hostname"),
    interfaces: fields.objects("interfaces", guestInterface),
    routes: fields.objects("routes", guestRoute),
    dns: fields.strings("dns"),
    dnsSearch: fields.strings("dnsSearch"),
    dnsOptions: fields.strings("dnsOptions"),
    shareDir: fields.string("shareDir"),
    shareType: fields.string("shareType"),
    shareLater: fields.boolean("shareLater"),
    entropy: fields.string("entropy"),
    clockOffset: fields.integer("clockOffset", undefined, Number.MIN_SAFE_INTEGER),
  };
}

/** Reads ONLINECPUMEM; zeros from a host that does not say what it has plugged in. */
export function parseOnlineResources(payload: Uint8Array): Complete<OnlineResources> {
  if (payload.length === 0) return { cpus: 0, memoryMiB: 0 };
  const fields = Fields.parse(payload, "onlinecpumem");
  return {
    cpus: fields.integer("cpus", MAX_U16),
    memoryMiB: fields.integer("memoryMiB", MAX_U32),
  };
}

/** Reads EXECCMD. */
export function parseExecCommand(payload: Uint8Array): Complete<ExecCommand> {
  const fields = Fields.parse(payload, "execcmd");
  return { container: fields.name("container"), process: fields.object("process", process) };
}

/** Reads KILLCONTAINER. */
export function parseKillContainer(payload: Uint8Array): Complete<KillContainer> {
  const fields = Fields.parse(payload, "killcontainer");
  return {
    container: fields.name("container"),
    signal: fields.integer("signal", MAX_SIGNAL),
    allProcesses: fields.boolean("allProcesses"),
  };
}

/** Reads REMOVECONTAINER. */
export function parseRemoveContainer(payload: Uint8Array): Complete<RemoveContainer> {
  return { container: Fields.parse(payload, "removecontainer").name("container") };
}

/** Reads PSCONTAINER. */
export function parsePsContainer(payload: Uint8Array): Complete<PsContainer> {
  const fields = Fields.parse(payload, "pscontainer");
  return {
    container: fields.name("container"),
    format: fields.string("format"),
    psargs: fields.strings("psargs"),
  };
}

/** Reads WINSIZE by sequence. */
export function parseWindowSize(payload: Uint8Array): Complete<WindowSize> {
  const fields = Fields.parse(payload, "winsize");
  return {
    seq: fields.integer("seq"),
    row: fields.integer("row", MAX_U16),
    column: fields.integer("column", MAX_U16),
  };
}

/** Reads WINSIZE by names. */
export function parseNamedWindowSize(payload: Uint8Array): Complete<NamedWindowSize> {
  const fields = Fields.parse(payload, "winsize");
  return {
    container: fields.name("container"),
    process: fields.name("process"),
    row: fields.integer("row", MAX_U16),
    column: fields.integer("column", MAX_U16),
  };
}

/** Reads SIGNALPROCESS. */
export function parseNamedSignal(payload: Uint8Array): Complete<NamedSignal> {
  const fields = Fields.parse(payload, "signalprocess");
  return {
    container: fields.name("container"),
    process: fields.name("process"),
    signal: fields.integer("signal", MAX_SIGNAL),
  };
}

/** Reads PROCESSASYNCEVENT. */
export function parseProcessEvent(payload: Uint8Array): Complete<ProcessEvent> {
  const fields = Fields.parse(payload, "processasyncevent");
  return {
    container: fields.string("container"),
    process: fields.string("process"),
    event: fields.string("event"),
    status: fields.integer("status", 0xff),
  };
}

import {
  CONTAINER_COUNTERS_CODE,
  DELETE_ROUTE_CODE,
  FREEZE_CONTAINER_CODE,
  RELEASE_CONTAINER_CODE,
  TRACE_CODE,
  UPDATE_CONTAINER_CODE,
} from "./extensions.ts";
import { MOVE_CLOCK_CODE } from "./guest_clock.ts";

/** Codes of control frames that mean the same to every guest. */
export const Code = {
  GETVERSION: 0,
  STARTPOD: 1,
  DESTROYPOD: 4,
  EXECCMD: 6,
  READY: 8,
  ACK: 9,
  ERROR: 10,
  WINSIZE: 11,
  PING: 12,
  PODFINISHED: 13,
  NEXT: 14,
  WRITEFILE: 15,
  READFILE: 16,
  NEWCONTAINER: 17,
  KILLCONTAINER: 18,
  ONLINECPUMEM: 19,
  SETUPINTERFACE: 20,
  SETUPROUTE: 21,
  REMOVECONTAINER: 22,
} as const;

/** Codes of the Go agent's dialect, which the built-in guest speaks too. 23 and 24 clash with C hyperstart's. */
export const GoCode = { ...Code, PSCONTAINER: 23, PROCESSASYNCEVENT: 24 } as const;

/** Codes of C hyperstart's dialect. 23 and 24 clash with the Go agent's. */
export const CCode = {
  ...Code,
  PROCESSASYNCEVENT: 23,
  SIGNALPROCESS: 24,
  DELETEINTERFACE: 25,
} as const;

/** Which of the two sets of codes and message keys a guest understands. */
export type Dialect = "go" | "c";

/**
 * The commands that a host may name when it sends through a proxy, and their codes: the Go agent's dialect, as
 * cc-proxy and virtcontainers have it.
 */
export const HOST_COMMANDS = {
  version: GoCode.GETVERSION,
  startpod: GoCode.STARTPOD,
  destroypod: GoCode.DESTROYPOD,
  execcmd: GoCode.EXECCMD,
  ready: GoCode.READY,
  ack: GoCode.ACK,
  error: GoCode.ERROR,
  winsize: GoCode.WINSIZE,
  ping: GoCode.PING,
  next: GoCode.NEXT,
  writefile: GoCode.WRITEFILE,
  readfile: GoCode.READFILE,
  newcontainer: GoCode.NEWCONTAINER,
  killcontainer: GoCode.KILLCONTAINER,
  onlinecpumem: GoCode.ONLINECPUMEM,
  setupinterface: GoCode.SETUPINTERFACE,
  setuproute: GoCode.SETUPROUTE,
  removecontainer: GoCode.REMOVECONTAINER,
  pscontainer: GoCode.PSCONTAINER,
  /** Extensions. */
  updatecontainer: UPDATE_CONTAINER_CODE,
  freezecontainer: FREEZE_CONTAINER_CODE,
  containercounters: CONTAINER_COUNTERS_CODE,
  deleteroute: DELETE_ROUTE_CODE,
  moveclock: MOVE_CLOCK_CODE,
  releasecontainer: RELEASE_CONTAINER_CODE,
} as const;

export type HostCommand = keyof typeof HOST_COMMANDS;

/** Whether `name` is a command that a host may send. */
export function isHostCommand(name: string): name is HostCommand {
  return Object.hasOwn(HOST_COMMANDS, name);
}

/** Extensions. */
const OWN_CODES = {
  UPDATECONTAINER: UPDATE_CONTAINER_CODE,
  TRACE: TRACE_CODE,
  FREEZECONTAINER: FREEZE_CONTAINER_CODE,
  CONTAINERCOUNTERS: CONTAINER_COUNTERS_CODE,
  MOVECLOCK: MOVE_CLOCK_CODE,
  RELEASECONTAINER: RELEASE_CONTAINER_CODE,
};

const NAMES: Record<Dialect, ReadonlyMap<number, string>> = {
  go: new Map(Object.entries({ ...GoCode, ...OWN_CODES }).map(([name, code]) => [code, name])),
  c: new Map(Object.entries(CCode).map(([name, code]) => [code, name])),
};

/** The name of a code for messages and logs; the number itself where the dialect has none. */
export function codeName(code: number, dialect: Dialect = "go"): string {
  return NAMES[dialect].get(code) ?? String(code);
}

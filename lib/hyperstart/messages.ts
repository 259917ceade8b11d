/**
 * The JSON payloads of the control channel (hyperstart-protocol 7). A key with `?` may be absent; the parsers in
 * `parse_*.ts` fill it in. "Extension" marks keys of podvisor's own: the Go agent ignores keys it does not know,
 * so they are safe to send to it; C hyperstart refuses most of them.
 */

import type { GuestInterface, GuestRoute } from "./network_message.ts";
import type { Process } from "./process_message.ts";

/**
 * ONLINECPUMEM. Extension: what the host has plugged in in total, for which the guest waits before it answers; with an
 * empty payload it takes what is there.
 */
export interface OnlineResources {
  /** Processors. */
  cpus: number;
  /** Memory in MiB. */
  memoryMiB: number;
}

/** STARTPOD. `containers` in it are not supported: each gets its own NEWCONTAINER. */
export interface StartPod {
  hostname: string;
  interfaces?: GuestInterface[];
  routes?: GuestRoute[];
  /** Name servers. The Go agent stores and ignores them; the built-in guest writes them to resolv.conf. */
  dns?: string[];
  /** Extension (and C hyperstart 1.1): search domains. */
  dnsSearch?: string[];
  /** Extension (and C hyperstart 1.1): resolver options. */
  dnsOptions?: string[];
  /** Mount tag of the share. */
  shareDir: string;
  /** Extension: the share's file system, `virtiofs`. Empty: 9p. */
  shareType?: string;
  /** Extension: the share need not be there before a container needs it. */
  shareLater?: boolean;
  /** Extension: secret bytes for the guest's random numbers, in hex. */
  entropy?: string;
  /** Extension: microseconds by which the guest's clock is to be set forward, or back. */
  clockOffset?: number;
}

/** EXECCMD. */
export interface ExecCommand {
  container: string;
  process: Process;
}

/** KILLCONTAINER. */
export interface KillContainer {
  container: string;
  signal: number;
  allProcesses: boolean;
}

/** REMOVECONTAINER. */
export interface RemoveContainer {
  container: string;
}

/** PSCONTAINER: `json` answers an array of guest process ids, `table` the output of ps. Extension: `files`. */
export interface PsContainer {
  container: string;
  format: string;
  psargs: string[];
}

/** WINSIZE by sequence: 0.7.0, the Go agent, the built-in guest and cc-proxy. */
export interface WindowSize {
  seq: number;
  row: number;
  column: number;
}

/** WINSIZE by names: C hyperstart 1.1. */
export interface NamedWindowSize {
  container: string;
  process: string;
  row: number;
  column: number;
}

/** SIGNALPROCESS of C hyperstart 1.1. */
export interface NamedSignal {
  container: string;
  process: string;
  signal: number;
}

/** PROCESSASYNCEVENT of C hyperstart 1.1: a process has ended. */
export interface ProcessEvent {
  container: string;
  process: string;
  /** Only "finished" is known. */
  event: string;
  status: number;
}

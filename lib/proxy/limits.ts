import {
  type HelloLimits,
  MAX_CONTROL_MESSAGE,
  MAX_FOREIGN_STREAM_PAYLOAD,
} from "../hyperstart/mod.ts";

/** Time limits in milliseconds and sizes in bytes of a proxy server. */
export interface ProxyLimits {
  /** Wait for the guest's READY. */
  readyTimeout: number;
  /** Wait for the guest's reply to a command. */
  replyTimeout: number;
  /** Wait of newcontainer and execcmd for the shim. */
  shimTimeout: number;
  /** Wait of stdin and signals for the process's start. */
  processTimeout: number;
  /** How long a shim that vanished may take to come back, before its process is killed and its output dropped. */
  reconnectTimeout: number;
  /** How long the stream channel may go on after the control channel has closed, before the VM counts as lost. */
  lossGrace: number;
  /** How long it may be silent meanwhile. */
  lossSilence: number;
  /** How long shims may take to read their last output once the VM is lost. */
  drainTimeout: number;
  /** Output waiting for one shim at which the proxy stops reading the VM's stream channel. */
  queueBound: number;
  /** Bytes of output on each sequence that a guest which knows of credit may have under way. */
  outputCredit: number;
  /** Bytes of stdin that a shim may have under way (`ShimTerms`). */
  stdinCredit: number;
  /** What the guest may say that it takes; the lower figures are those of the original programs. */
  guest: HelloLimits;
}

export const DEFAULT_LIMITS: ProxyLimits = {
  readyTimeout: 60_000,
  replyTimeout: 60_000,
  shimTimeout: 30_000,
  processTimeout: 30_000,
  reconnectTimeout: 500,
  lossGrace: 500,
  lossSilence: 100,
  drainTimeout: 10_000,
  queueBound: 1 << 20,
  outputCredit: 1 << 18,
  stdinCredit: 1 << 18,
  guest: {
    maxMessage: [MAX_CONTROL_MESSAGE, 1 << 20],
    maxStreamPayload: [MAX_FOREIGN_STREAM_PAYLOAD, 1 << 16],
  },
};

import { Fields, isHostCommand } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import type { TraceSpan } from "../trace.ts";
import { Command } from "./frame.ts";
import { jsonMembers } from "./json_members.ts";
import type { ProxyLimits } from "./limits.ts";
import {
  ioResponse,
  parseAttachVM,
  parseConnectShim,
  parseRegisterVM,
  parseSignalCommand,
  parseUnregisterVM,
  type ShimTerms,
  type Signal,
} from "./payloads.ts";
import type { Registry } from "./registry.ts";
import type { ServedShim } from "./shim_host.ts";
import { SHIM_COMMANDS } from "./shim_commands.ts";
import { exitNotification, type Session, type ShimConnection } from "./session.ts";
import { signalText } from "./signal_texts.ts";
import { encodeTrace, TRACE_NAME } from "./trace_payload.ts";
import { Vm } from "./vm.ts";

const SIGKILL = 9;
const SIGTERM = 15;
const SIGWINCH = 28;
/** SIGSYS and above are refused, as by cc-proxy. */
const FIRST_REFUSED_SIGNAL = 31;

/** The client that sends a command. */
export interface CommandContext extends ShimConnection {
  readonly registry: Registry;
  readonly limits: ProxyLimits;
  /** The VM that the client is attached to. */
  vm: Vm | undefined;
  /** Set when the client is a shim. */
  shim: { vm: Vm; session: Session } | undefined;
  /** Shims, by container, that the proxy serves for this client, and lets go of with it. */
  readonly unkept: Map<string, ServedShim>;
  /** Does something once the response to this command is on its way. */
  afterResponse(action: () => void): void;
  /** Deals with the client's stdin on these terms from now on. */
  grantTerms(terms: ShimTerms): ShimTerms;
  /** Records what the proxy and its guest do, for this client to ask for. */
  startTrace(): void;
  /** What was recorded for this client, which is over then; nothing when nothing was. */
  endTrace(): Promise<readonly TraceSpan[] | undefined>;
  /** The client has said goodbye: it is closed without a response. */
  sayGoodbye(): void;
}

/** Handles a command: returns the response's JSON or raw payload, or throws what the error response says. */
export type CommandHandler = (client: CommandContext, payload: Uint8Array) => unknown;

/** Handlers by opcode (cc-proxy-protocol 4). */
export const COMMANDS: Readonly<Record<number, CommandHandler>> = {
  [Command.registerVM]: registerVM,
  [Command.unregisterVM]: unregisterVM,
  [Command.attachVM]: attachVM,
  [Command.hyper]: hyper,
  [Command.connectShim]: connectShim,
  [Command.disconnectShim]: disconnectShim,
  [Command.signal]: signal,
};

async function registerVM(client: CommandContext, payload: Uint8Array): Promise<unknown> {
  const { registry } = client;
  const request = parseRegisterVM(payload);
  const { containerId: id, ctlSerial: control, ioSerial: streams } = request;
  if (id === "" || control === "" || streams === "") {
    throw new Error("malformed RegisterVM command");
  }
  if (registry.vms.has(id)) throw new Error(`${id}: container already registered`);
  const vm = new Vm(id, client.limits);
  registry.vms.set(id, vm);
  const tokens = registry.allocate(vm, request.numIOStreams);
  vm.lost.then(() => registry.dropTokens(vm));
  if (request.trace) client.startTrace();
  try {
    await vm.connect({ control, streams, console: request.console });
  } catch (error) {
    if (registry.vms.get(id) === vm) registry.vms.delete(id);
    throw error;
  }
  client.vm = vm;
  if (request.trace) await vm.trace(true);
  registry.announce();
  getLogger("proxy").info("VM registered", { pod: id, guest: vm.hello?.agent ?? "unknown" });
  return describeIo(registry, vm, tokens);
}

async function attachVM(client: CommandContext, payload: Uint8Array): Promise<unknown> {
  const { registry } = client;
  const request = parseAttachVM(payload);
  if (request.spare) registry.handOver(request.containerId, request.spare);
  const vm = registry.find(request.containerId);
  const tokens = registry.allocate(vm, request.numIOStreams);
  client.vm = vm;
  if (request.trace) {
    client.startTrace();
    await vm.trace(true);
  }
  return describeIo(registry, vm, tokens);
}

function describeIo(
  { url }: Registry,
  { hello, dialect, clockOffset }: Vm,
  tokens: string[],
): unknown {
  return ioResponse({ url, tokens, dialect, clockOffset, ...(hello ? { guest: hello } : {}) });
}

function unregisterVM(client: CommandContext, payload: Uint8Array): void {
  client.registry.unregister(parseUnregisterVM(payload).containerId);
  client.vm = undefined;
}

async function hyper(client: CommandContext, payload: Uint8Array): Promise<Uint8Array | void> {
  const { vm } = client;
  if (!vm) throw new Error("client not attached to a vm");
  const request = Fields.parse(payload, "Hyper");
  const name = request.string("hyperName");
  if (name === TRACE_NAME) {
    const spans = await client.endTrace();
    if (spans) return encodeTrace(spans);
  }
  const tokens = request.strings("tokens");
  const data = rawData(payload);
  if (Object.hasOwn(SHIM_COMMANDS, name)) return await SHIM_COMMANDS[name]!(client, tokens, data);
  if (name === "newcontainer" || name === "execcmd") {
    if (tokens.length > 1) throw new Error(`expected 0 or 1 token, got ${tokens.length}`);
    return await vm.startProcess(name, tokens[0], data === "" ? "{}" : data);
  }
  if (tokens.length > 0) {
    throw new Error(`${name} doesn't need tokens but ${tokens.length} token(s) were given`);
  }
  if (!isHostCommand(name)) throw new Error(`unknown command '${name}'`);
  return await vm.command(name, data);
}

/** The text of `data` as the client wrote it; empty when there is none. */
function rawData(payload: Uint8Array): string {
  const text = new TextDecoder().decode(payload);
  const data = jsonMembers(text).findLast(({ key }) => key.toLowerCase() === "data");
  const value = data ? text.slice(data.start, data.end) : "";
  return value === "null" ? "" : value;
}

function connectShim(client: CommandContext, payload: Uint8Array): ShimTerms | undefined {
  const { token, terms } = parseConnectShim(payload);
  const { vm, session } = client.registry.claim(token);
  session.claimed = true;
  client.shim = { vm, session };
  // Output that has waited must not overtake the response.
  client.afterResponse(() => session.attach(client));
  if (!terms) return undefined;
  return client.grantTerms({ maxStdin: vm.maxStdin, stdinCredit: client.limits.stdinCredit });
}

function disconnectShim(client: CommandContext): void {
  const { vm, session } = shimOf(client);
  vm.forget(session);
  client.sayGoodbye();
}

async function signal(client: CommandContext, payload: Uint8Array): Promise<void> {
  const { vm, session } = shimOf(client);
  const request = parseSignalCommand(payload);
  checkSignal(request);
  const { signalNumber, columns, rows } = request;
  if (!session.started.isOpen) {
    // Nothing to wait for: it holds for the process from its start.
    if (signalNumber === SIGWINCH) {
      session.firstSize = { columns, rows };
      return;
    }
    if (signalNumber === SIGKILL || signalNumber === SIGTERM) {
      await client.writeFrames(exitNotification(0));
      return;
    }
    const message = `timeout waiting for process with token ${session.token}`;
    await session.started.wait(client.limits.processTimeout, message);
  }
  if (signalNumber === SIGWINCH) await vm.resize(session, columns, rows);
  else await vm.signal(session, signalNumber);
}

function shimOf(client: CommandContext): { vm: Vm; session: Session } {
  if (!client.shim) throw new Error("client isn't a shim");
  return client.shim;
}

function checkSignal({ signalNumber, columns, rows }: Signal): void {
  if (signalNumber < 0 || signalNumber >= FIRST_REFUSED_SIGNAL) {
    throw new Error(`invalid signal number ${signalNumber}`);
  }
  if (signalNumber === SIGWINCH) {
    if (columns === 0 || rows === 0) {
      throw new Error(`received SIGWINCH but terminal size is invalid (${columns},${rows})`);
    }
  } else if (columns !== 0 || rows !== 0) {
    const size = `(${columns},${rows})`;
    throw new Error(`received a terminal size ${size} for signal ${signalText(signalNumber)}`);
  }
}

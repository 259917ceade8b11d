import { messageOf } from "../failure.ts";
import {
  CONTROL_HEADER_LENGTH,
  encodeGrants,
  FEATURE_STREAM_CREDIT,
  FEATURE_TRACE,
  GRANT_SEQUENCE,
  type GuestDialect,
  type GuestHello,
  HOST_COMMANDS,
  type HostCommand,
  isCDialect,
  type ProcessEvent,
  type StreamGrant,
} from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import { addSpans, trace } from "../trace.ts";
import { within } from "./deadline.ts";
import { dialGuest } from "./dial_guest.ts";
import { Gate } from "./gate.ts";
import { logConsole } from "./guest_console.ts";
import { GuestControl } from "./guest_control.ts";
import { GuestTracer } from "./guest_tracer.ts";
import { GuestStreams, type OutputSink } from "./guest_streams.ts";
import { InputGrants } from "./input_grants.ts";
import type { ProxyLimits } from "./limits.ts";
import { ECHO_SEQUENCE, PacedStdin } from "./paced_stdin.ts";
import { probeDialect } from "./probe_dialect.ts";
import { type ProcessCommand, resizeCommand, signalCommand } from "./process_control.ts";
import { relocateProcess } from "./relocate.ts";
import type { Session, SessionHost } from "./session.ts";
import { SessionTable } from "./session_table.ts";

const log = getLogger("proxy");
const encoder = new TextEncoder();
const SIGKILL = 9;

/** Paths of a VM's sockets. */
export interface VmSockets {
  control: string;
  streams: string;
  /** Its lines are logged at debug level. */
  console?: string;
}

/** A registered VM: its two channels and the sessions of its processes. */
export class Vm implements SessionHost {
  /** The pod's name. */
  id: string;
  /** Set once the guest is ready. */
  hello: GuestHello | undefined;
  /** Known once the guest is ready. */
  dialect: GuestDialect = "go";
  /** Microseconds by which the guest's clock was behind this one when it became ready; 0 when it did not tell. */
  clockOffset = 0;
  readonly #limits: ProxyLimits;
  readonly #ready = new Gate();
  readonly #lost = Promise.withResolvers<void>();
  readonly #sessions = new SessionTable(this);
  readonly #resources = new AsyncDisposableStack();
  readonly #grants = new InputGrants((sequence) => this.#sessions.ofSequence(sequence));
  readonly #tracer = new GuestTracer();
  #control: GuestControl | undefined;
  #streams: GuestStreams | undefined;
  /** Set for guests that lose stdin which comes too fast. */
  #paced: PacedStdin | undefined;
  #isLost = false;

  constructor(id: string, limits: ProxyLimits) {
    this.id = id;
    this.#limits = limits;
  }

  /** Resolves when the VM is gone and its shims have been told. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  get outputCredit(): number {
    return this.hello?.features.includes(FEATURE_STREAM_CREDIT) ? this.#limits.outputCredit : 0;
  }

  grant(grants: readonly StreamGrant[]): void {
    // A channel that breaks is the VM's loss, which its reader finds out.
    this.#streams?.write(encodeGrants(grants)).catch(() => {});
  }

  get queueBound(): number {
    return this.#limits.queueBound;
  }

  /** Connects to the VM's sockets and waits for its guest. On failure everything is closed again. */
  async connect(sockets: VmSockets): Promise<void> {
    try {
      if (sockets.console) {
        const connection = await dialGuest(sockets.console);
        this.#resources.defer(() => connection.close());
        logConsole(connection);
      }
      const control = new GuestControl(await dialGuest(sockets.control), {
        replyTimeout: this.#limits.replyTimeout,
        helloLimits: this.#limits.guest,
        onProcessEvent: (event) => this.#processEnded(event),
      });
      this.#control = control;
      this.#resources.defer(() => control.close("the VM was given up"));
      const streams = new GuestStreams(
        await dialGuest(sockets.streams),
        (sequence) => this.#sinkOf(sequence),
      );
      this.#streams = streams;
      this.#resources.defer(() => streams.close());
      this.#watch(control.run(), streams.run(), streams);
      {
        using _span = trace("wait for READY");
        this.hello = await control.ready(this.#limits.readyTimeout);
      }
      if (this.hello.clock > 0) this.clockOffset = Date.now() * 1000 - this.hello.clock;
      this.dialect = this.hello.agent === "" ? await probeDialect(control) : "builtin";
      if (isCDialect(this.dialect)) {
        this.#paced = new PacedStdin(async (frames) => await streams.write(frames));
      }
      this.#ready.open();
    } catch (error) {
      await this.lose(messageOf(error));
      throw error;
    }
  }

  #sinkOf(sequence: number): OutputSink | undefined {
    if (sequence === ECHO_SEQUENCE) return this.#paced;
    return sequence === GRANT_SEQUENCE ? this.#grants : this.#sessions.ofSequence(sequence);
  }

  /** New tokens, each with a session. */
  allocate(count: number): string[] {
    return Array.from({ length: count }, () => this.#sessions.add().token);
  }

  /** The session of a token. */
  session(token: string): Session | undefined {
    return this.#sessions.ofToken(token);
  }

  /** Sends a command that starts no process. */
  async command(name: HostCommand, data: string): Promise<Uint8Array> {
    const payload = this.#checkedPayload(data);
    const control = await this.#readyControl();
    return await control.request(HOST_COMMANDS[name], payload);
  }

  /** Starts a process for the session of `token`, or one whose output is dropped. */
  async startProcess(
    name: "newcontainer" | "execcmd",
    token: string | undefined,
    data: string,
  ): Promise<Uint8Array> {
    const session = token === undefined ? undefined : this.#sessions.ofToken(token);
    if (token !== undefined && !session) throw new Error(`unknown token ${token}`);
    const base = session?.base ?? this.#sessions.discardSequence();
    const { text, container, processId } = relocateProcess(
      data,
      name,
      base,
      session ? this.outputCredit : 0,
    );
    const payload = this.#checkedPayload(text);
    const control = await this.#readyControl();
    if (!session) return await control.request(HOST_COMMANDS[name], payload);

    if (session.process) throw new Error(`token already used: ${session.token}`);
    session.process = { kind: name === "newcontainer" ? "init" : "exec", container, processId };
    try {
      const message = `timeout waiting for shim with token ${session.token}`;
      {
        using _span = trace("wait for the shim");
        await session.connected.wait(this.#limits.shimTimeout, message);
      }
      const reply = await control.request(HOST_COMMANDS[name], payload);
      session.started.open();
      if (session.firstSize) await this.#applyFirstSize(session, session.firstSize);
      return reply;
    } catch (error) {
      session.process = undefined;
      throw error;
    }
  }

  /** Records what the guest has recorded, if it can. @param record whether it is to go on */
  async trace(record: boolean): Promise<void> {
    if (!this.hello?.features.includes(FEATURE_TRACE)) return;
    try {
      addSpans(await this.#tracer.take(await this.#readyControl(), record));
    } catch (error) {
      log.warn("Cannot trace the guest", { pod: this.id, error: messageOf(error) });
    }
  }

  /** The process runs: that its terminal keeps the guest's size is no reason to say otherwise. */
  async #applyFirstSize(
    session: Session,
    { columns, rows }: { columns: number; rows: number },
  ): Promise<void> {
    try {
      await this.resize(session, columns, rows);
    } catch (error) {
      log.warn("Cannot set the first size of a terminal", { error: messageOf(error) });
    }
  }

  /** Sends a signal to a session's process, which has been started. */
  async signal(session: Session, signal: number): Promise<void> {
    const control = await this.#readyControl();
    await order(control, signalCommand(this.dialect, this.hello, session, signal));
  }

  /** Tells the guest the size of a session's terminal. */
  async resize(session: Session, columns: number, rows: number): Promise<void> {
    const control = await this.#readyControl();
    await order(control, resizeCommand(this.dialect, session, columns, rows));
  }

  /** Longest payload of stdin that the guest takes. */
  get maxStdin(): number {
    return this.hello?.maxStreamPayload ?? this.#limits.guest.maxStreamPayload[0];
  }

  /** Writes whole stream frames to the guest; resolves when its socket has taken them. */
  async writeStdin(frames: Uint8Array): Promise<void> {
    try {
      await (this.#paced ?? this.#streams)?.write(frames);
    } catch (error) {
      // The reader of the channel finds out too, and then the VM is lost.
      log.debug("Cannot write to the stream channel", { pod: this.id, error: messageOf(error) });
    }
  }

  /** The shim has said goodbye: the session is over. */
  forget(session: Session): void {
    session.forget();
    this.#sessions.remove(session);
  }

  /** The shim vanished and did not come back: nobody will collect the process, so it is killed. */
  async abandon(session: Session): Promise<void> {
    const running = session.started.isOpen && !session.hasExited;
    this.forget(session);
    if (!running || this.#isLost) return;
    log.warn("Killing a process whose shim has gone", { pod: this.id, ...session.process });
    try {
      await this.signal(session, SIGKILL);
    } catch (error) {
      log.warn("Cannot kill a process whose shim has gone", { error: messageOf(error) });
    }
  }

  hold(sink: OutputSink): void {
    this.#streams?.hold(sink);
  }

  release(sink: OutputSink): void {
    this.#streams?.release(sink);
  }

  /**
   * The VM is gone. Pending commands fail at once; each shim gets its last output, for as long as the limit allows, then
   * the reason, and its connection is closed.
   */
  async lose(reason: string): Promise<void> {
    if (this.#isLost) return await this.lost;
    this.#isLost = true;
    log.info("VM lost", { pod: this.id, reason });
    const error = new Error(`VM lost: ${reason}`);
    this.#ready.fail(error);
    const sessions = this.#sessions.all();
    for (const session of sessions) session.fail(error);
    this.#control?.close(reason);
    await this.#resources.disposeAsync();
    await Promise.all(sessions.map(async (session) => {
      await within(session.tellLoss(error.message), this.#limits.drainTimeout, () => "")
        .catch(() => {});
      session.closeShim();
      this.forget(session);
    }));
    this.#lost.resolve();
  }

  /**
   * Either channel's end is the VM's end. What the stream channel still has to say after the control channel's end is
   * read first, but not for long: others wait for the word of it.
   */
  async #watch(
    controlEnd: Promise<string>,
    streamsEnd: Promise<string>,
    streams: GuestStreams,
  ): Promise<void> {
    const ended = await Promise.race([controlEnd, streamsEnd]);
    let open = true;
    const streamsClosed = streamsEnd.then(() => open = false);
    streams.readRest();
    const { lossGrace, lossSilence } = this.#limits;
    const end = performance.now() + lossGrace;
    for (let reads = -1, left = lossGrace; open && left > 0 && reads !== streams.reads;) {
      reads = streams.reads;
      await within(streamsClosed, Math.min(left, lossSilence), () => "").catch(() => {});
      left = end - performance.now();
    }
    await this.lose(ended);
  }

  #processEnded(event: ProcessEvent): void {
    if (event.event !== "finished") return;
    for (const session of this.#sessions.all()) {
      const { process } = session;
      if (process?.container !== event.container) continue;
      const isThis = process.processId === event.process ||
        (process.kind === "init" && event.process === "init");
      if (isThis) session.reportStatus(event.status);
    }
  }

  async #readyControl(): Promise<GuestControl> {
    const message = "timeout waiting for READY from VM agent";
    if (!this.#isLost) await this.#ready.wait(this.#limits.readyTimeout, message);
    if (!this.#control) throw new Error("No multicast available for CTL channel");
    return this.#control;
  }

  /** Message and size are judged before the control channel is touched. */
  #checkedPayload(data: string): Uint8Array {
    const payload = encoder.encode(data);
    const length = CONTROL_HEADER_LENGTH + payload.length;
    const limit = this.hello?.maxMessage ?? this.#limits.guest.maxMessage[0];
    if (length > limit) throw new Error(`message too long ${length}`);
    return payload;
  }
}

async function order(control: GuestControl, { code, message }: ProcessCommand): Promise<void> {
  await control.request(code, encoder.encode(JSON.stringify(message)));
}

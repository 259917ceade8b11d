import {
  CCode,
  Code,
  type ControlFrame,
  GoCode,
  type GuestDialect,
  writeU32,
} from "../../../lib/hyperstart/mod.ts";
import { FakeGuest, type GuestCommand, reply } from "../proxy/fake_guest.ts";

type Json = Record<string, unknown>;

/** Keys that the C parsers know (hyperstart-protocol 7); for any other the whole command fails. */
const KNOWN: Record<"c4242" | "c4244", Record<string, readonly string[]>> = {
  c4242: {
    pod: "hostname containers interfaces routes dns shareDir restartPolicy".split(" "),
    container: "id rootfs image fstype addr volumes fsmap sysctl process restartPolicy initialize"
      .split(" "),
    process: "user group additionalGroups terminal stdio stderr args envs workdir rows columns"
      .split(" "),
    interface: "device newDeviceName ipAddresses mtu macAddr".split(" "),
  },
  c4244: {
    pod: "hostname containers interfaces routes dns dnsSearch dnsOptions shareDir restartPolicy"
      .split(" "),
    container: ("id rootfs image fstype addr volumes fsmap sysctl process restartPolicy " +
      "initialize readOnly").split(" "),
    process: "id user group additionalGroups terminal stdio stderr args envs workdir".split(" "),
    interface: "device newDeviceName ipAddresses mtu".split(" "),
  },
};
const FSMAP = ["source", "path", "readOnly", "dockerVolume"];
const ROUTE = ["dest", "gateway", "device"];
/** Longest stream frame, and room for stdin of a process, of C hyperstart. */
const MAX_FRAME = 4096, STDIN_ROOM = 512;

interface Running {
  container: string;
  name: string;
  stdio: number;
  args: string[];
}

/**
 * A guest of one dialect, as strict as the real one, behind the built-in proxy. Its processes: `cat` gives back its
 * stdin and ends with 7, `exit N` ends with N, all else runs until it is killed.
 */
export class DialectGuest {
  readonly guest: FakeGuest;
  /** Why commands were refused. */
  readonly refusals: string[] = [];
  /** Each command's code and message. */
  readonly got: { code: number; message: Json }[] = [];
  readonly #dialect: "go" | "c4242" | "c4244";
  readonly #running = new Map<number, Running>();
  #inBurst = 0;

  constructor(directory: string, dialect: Exclude<GuestDialect, "builtin">) {
    this.#dialect = dialect;
    this.guest = new FakeGuest(directory);
    if (dialect !== "go") this.guest.version = dialect === "c4242" ? 4242 : 4244;
    this.guest.script = (command) => this.#answer(command);
    this.guest.onStdin = (sequence, payload) => this.#stdin(sequence, payload);
  }

  /** Messages of one code. */
  messages(code: number): Json[] {
    return this.got.filter((each) => each.code === code).map(({ message }) => message);
  }

  get #isC(): boolean {
    return this.#dialect !== "go";
  }

  #answer({ code, text }: GuestCommand): ControlFrame[] {
    const message: Json = text === "" ? {} : JSON.parse(text);
    this.got.push({ code, message });
    const next = this.#isC ? [8, text.length].filter((count) => count > 0).map(nextFrame) : [];
    try {
      const { payload = "", then } = this.#carryOut(code, message);
      if (then) queueMicrotask(then);
      return [...next, reply(Code.ACK, payload)];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.refusals.push(reason);
      return [...next, reply(Code.ERROR, this.#isC ? "" : reason)];
    }
  }

  #carryOut(code: number, message: Json): { payload?: string; then?: () => void } {
    if (code === Code.STARTPOD) return this.#startPod(message);
    if (code === Code.NEWCONTAINER) {
      this.#checkContainer(message);
      return { then: this.#start(String(message.id), message.process as Json) };
    }
    if (code === Code.EXECCMD) {
      return { then: this.#start(String(message.container), message.process as Json) };
    }
    if (code === Code.SETUPINTERFACE) this.#checkInterface(message);
    if (code === Code.SETUPROUTE) this.#checkRoutes(message);
    if (code === Code.KILLCONTAINER) return { then: () => this.#kill(message) };
    if (code === Code.REMOVECONTAINER) {
      // It has gone with its first process.
      if (this.#isC) throw new Error("no such container");
      return {};
    }
    if (code === Code.DESTROYPOD) {
      return { then: this.#isC ? () => void this.#powerOff() : () => {} };
    }
    if (code === Code.ONLINECPUMEM && !this.#isC) throw new Error("No callback found");
    if (code === Code.WINSIZE) {
      const wanted = this.#dialect === "c4244" ? "process" : "seq";
      if (!(wanted in message)) throw new Error("bad window size");
      return {};
    }
    if (code === 23) {
      if (this.#isC) throw new Error("unknown code 23");
      return { payload: message.format === "json" ? "[148,153]" : "PID\n148\n" };
    }
    if (code === 24) {
      if (this.#dialect !== "c4244") throw new Error("unknown code 24");
      return { then: () => this.#kill(message) };
    }
    return {};
  }

  #startPod(message: Json): { payload?: string } {
    this.#check("pod", message);
    for (const each of (message.interfaces ?? []) as Json[]) this.#checkInterface(each);
    this.#checkRoutes(message);
    return {};
  }

  #checkRoutes(message: Json): void {
    for (const route of (message.routes ?? []) as Json[]) {
      if (!this.#isC) continue;
      checkKeys("route", route, ROUTE);
      if (route.dest === "") throw new Error("bad destination");
    }
  }

  #checkInterface(each: Json): void {
    this.#check("interface", each);
    if (!this.#isC) return;
    if (!Array.isArray(each.ipAddresses)) throw new Error("ipAddresses is not an array");
    if (this.#dialect === "c4244" && !each.device) throw new Error("interface without a device");
    if (this.#dialect === "c4242" && each.ipAddresses.length === 0) {
      throw new Error("interface without an address");
    }
  }

  #checkContainer(message: Json): void {
    this.#check("container", message);
    if (!this.#isC) return;
    for (const entry of (message.fsmap ?? []) as Json[]) checkKeys("fsmap", entry, FSMAP);
  }

  #check(what: string, message: Json): void {
    if (this.#dialect !== "go") checkKeys(what, message, KNOWN[this.#dialect][what]!);
  }

  #start(container: string, process: Json): () => void {
    this.#check("process", process);
    const { stdio, stderr, terminal, args, id = "" } = process;
    if (typeof stdio !== "number" || stdio === 0) throw new Error("no stdio");
    if (this.#isC && !terminal && !stderr) throw new Error("no stderr");
    if (this.#dialect === "c4244" && id === "") throw new Error("process without a name");
    const running = { container, name: String(id), stdio, args: args as string[] };
    this.#running.set(stdio, running);
    return () => {
      const [verb, code] = running.args;
      if (verb === "exit") void this.#end(running, Number(code));
    };
  }

  #kill({ container, process, signal, allProcesses }: Json): void {
    for (const each of [...this.#running.values()]) {
      const isMeant = process === undefined
        ? each.container === container && (allProcesses === true || each.name === "init" ||
          each.args[0] !== "exec")
        : each.container === container && each.name === process;
      if (isMeant) void this.#end(each, this.#isC ? 0 : 128 + Number(signal));
    }
  }

  async #end(running: Running, status: number): Promise<void> {
    const { container, name, stdio } = running;
    if (!this.#running.delete(stdio)) return;
    await this.guest.output(stdio, "");
    if (this.#dialect !== "c4244") return await this.guest.output(stdio, Uint8Array.of(status));
    const event = JSON.stringify({ container, process: name, event: "finished", status });
    await this.guest.send(reply(CCode.PROCESSASYNCEVENT, event));
  }

  async #stdin(sequence: number, payload: Uint8Array): Promise<void> {
    if (this.#isC && payload.length + 12 > MAX_FRAME) this.refusals.push("panic: frame too long");
    const process = this.#running.get(sequence);
    if (!process) {
      // The host sees this only when all before it has been taken.
      this.#inBurst = 0;
      if (this.#isC) await this.guest.output(sequence, "");
      return;
    }
    if (process.args[0] !== "cat") return;
    if (payload.length === 0) return await this.#end(process, 7);
    const room = this.#isC ? Math.max(0, STDIN_ROOM - this.#inBurst) : payload.length;
    this.#inBurst += payload.length;
    await this.guest.output(sequence, payload.slice(0, room));
  }

  async #powerOff(): Promise<void> {
    await this.guest.closeControl();
    await this.guest.closeStreams();
  }
}

function checkKeys(what: string, message: Json, known: readonly string[]): void {
  const unknown = Object.keys(message).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`${what}: unknown key ${unknown}`);
}

function nextFrame(count: number): ControlFrame {
  const payload = new Uint8Array(4);
  writeU32(payload, 0, count);
  return { code: GoCode.NEXT, payload };
}

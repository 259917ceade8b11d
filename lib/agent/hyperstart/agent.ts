import { Failure, messageOf } from "../../failure.ts";
import {
  type CgroupCounters,
  type ExecCommand,
  FEATURE_HELD_CONTAINER,
  type FreezeContainer,
  type GuestInterface,
  guestName,
  type GuestRoute,
  isCDialect,
  type KillContainer,
  type MoveClock,
  type NewContainer,
  parseCgroupCounters,
  parseClockReading,
  type PsContainer,
  type RemoveContainer,
  type StartPod,
  type UpdateContainer,
} from "../../hyperstart/mod.ts";
import { getLogger, type Logger } from "../../log.ts";
// Past its room's face, which brings the proxy itself along.
import { releaseToken } from "../../proxy/release_token.ts";
import { addSpans, isTracing } from "../../trace.ts";
import type {
  Agent,
  AgentCapabilities,
  AgentPlaces,
  Command,
  ContainerLimits,
  GuestContainer,
  GuestDevices,
  GuestPod,
  GuestPort,
  PluggedResources,
  ProcessStreams,
} from "../agent.ts";
import { CLOCK_REALTIME, clockTime } from "../../sys/mod.ts";
import { cutHostname } from "../hostname.ts";
import { ClockLag } from "./clock_lag.ts";
import { guestPorts, MOUNT_TAG } from "./devices.ts";
import { containerFor, execFor, startPodFor } from "./dialects.ts";
import { type GuestAddress, GuestConnection } from "./guest_connection.ts";
import type { GuestLink } from "./guest_link.ts";
import { constraintsOf, containerMessage, processMessage } from "./messages.ts";
import { startWarnings } from "./start_warnings.ts";
import { networkFor } from "./network.ts";

const ENTROPY_SIZE = 64;
/** By how much a guest's clock may be off, in microseconds, and how often that is seen to. */
const CLOCK_PRECISION = 20_000, CLOCK_MOVES = 8;

/** The hyperstart driver: tells the pod's guest what to do, in the dialect of whichever guest it is. */
export class HyperstartAgent implements Agent {
  readonly #options: GuestAddress;
  readonly #guest: GuestConnection;
  readonly #logger: Logger;
  #ports: GuestPort[] = [];

  constructor(options: GuestAddress) {
    this.#options = options;
    this.#logger = getLogger("hyper", { pod: options.pod });
    this.#guest = new GuestConnection(options, this.#logger);
  }

  init(places: AgentPlaces): void {
    this.#ports = guestPorts(places);
  }

  capabilities(): AgentCapabilities {
    return { blockDevices: true };
  }

  createPod(share: string): GuestDevices {
    return { ports: this.#ports, share: { path: share, tag: MOUNT_TAG } };
  }

  async startPod(told: GuestPod | Promise<GuestPod>, formerId?: string): Promise<void> {
    const { dialect, clockOffset } = await this.#greet(formerId);
    const pod = await told;
    const hostname = cutHostname(pod.hostname);
    if (hostname !== pod.hostname) {
      this.#logger.warn("host name cut to what the kernel takes", { hostname });
    }
    const { interfaces, routes } = networkFor(dialect, pod, this.#logger);
    const whole: StartPod = {
      hostname,
      ...(interfaces.length === 0 ? {} : { interfaces }),
      ...(routes.length === 0 ? {} : { routes }),
      ...(pod.dns.length === 0 ? {} : { dns: pod.dns }),
      ...(pod.dnsSearch.length === 0 ? {} : { dnsSearch: pod.dnsSearch }),
      shareDir: MOUNT_TAG,
      ...(pod.share === undefined || pod.share === "9p" ? {} : { shareType: pod.share }),
      ...(dialect === "builtin" ? { shareLater: true, entropy: newEntropy(), clockOffset } : {}),
    };
    const { message, dropped } = startPodFor(dialect, whole);
    this.#tellDropped(dropped);
    const lag = new ClockLag();
    const sent = hostTime();
    const answer = await this.#guest.send("startpod", message);
    if (answer.length === 0) return;
    lag.learn(sent, hostTime(), parseClockReading(answer), clockOffset);
    await this.#setClock(lag);
  }

  /** The clock of a guest that has waited was set when it became ready: what it has lost since, its answer tells. */
  async #greet(formerId: string | undefined): Promise<GuestLink> {
    if (formerId === undefined) return await this.#guest.register(this.#ports);
    return { ...await this.#guest.takeOver(formerId), clockOffset: 0 };
  }

  /** A busy host delays messages: what the first ones tell of the clock may not do. */
  async #setClock(lag: ClockLag): Promise<void> {
    for (let move = 0; lag.worst > CLOCK_PRECISION && move < CLOCK_MOVES; move++) {
      const message: MoveClock = { offset: lag.correction };
      const sent = hostTime();
      const answer = await this.#guest.send("moveclock", message);
      lag.learn(sent, hostTime(), parseClockReading(answer), message.offset);
    }
    if (lag.worst <= CLOCK_PRECISION) return;
    this.#logger.warn("the guest's clock may be off", { microseconds: lag.worst });
  }

  async emptyPod(): Promise<void> {
    await this.#guest.send("destroypod");
  }

  /** Does as much of it as the guest and the proxy let it, and then throws what went wrong. */
  async stopPod(): Promise<void> {
    const { client, dialect } = await this.#guest.attached();
    const errors: unknown[] = [];
    await this.#guest.send("destroypod").catch((error) => {
      // It powers off, perhaps before its answer is out.
      if (!isCDialect(dialect)) errors.push(error);
    });
    await client.unregisterVM(this.#options.pod, this.#guest.limits())
      .catch((error) => void errors.push(error));
    this.close();
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, errors.map(messageOf).join("; "));
  }

  async reserveStreams(): Promise<ProcessStreams> {
    const { client } = await this.#guest.attached();
    const vm = { containerId: this.#options.pod, numIOStreams: 1 };
    const { url, tokens } = await client.attachVM(vm, this.#guest.limits());
    return { url, token: tokens[0]! };
  }

  async releaseStreams(token: string): Promise<void> {
    await releaseToken(this.#options.proxy, token);
  }

  async startContainer(container: GuestContainer, token: string): Promise<void> {
    await this.#makeContainer(containerMessage(container), token);
  }

  async holdContainer(container: GuestContainer, token: string): Promise<boolean> {
    const { features } = await this.#guest.attached();
    if (!features.includes(FEATURE_HELD_CONTAINER)) return false;
    await this.#makeContainer({ ...containerMessage(container), held: true }, token);
    return true;
  }

  async releaseContainer(container: string): Promise<void> {
    const message: RemoveContainer = { container };
    await this.#guest.send("releasecontainer", message);
  }

  async #makeContainer(whole: NewContainer, token: string): Promise<void> {
    const { dialect, faithful } = await this.#guest.attached();
    if (!faithful) {
      throw new Failure(
        `Cannot start the container ${whole.id}: ${guestName(dialect)} refuses what cc-proxy ` +
          "adds to the message",
        { hint: "Use the built-in proxy: --proxy builtin" },
      );
    }
    const { message, dropped } = containerFor(dialect, whole);
    this.#tellDropped(dropped, whole.id);
    const answer = await this.#guest.send("newcontainer", message, token);
    for (const warning of startWarnings(answer)) {
      this.#logger.warn("the guest cannot do all that was asked for", {
        container: whole.id,
        warning,
      });
    }
  }

  async exec(container: string, command: Command, token: string): Promise<void> {
    const { dialect } = await this.#guest.attached();
    const whole: ExecCommand = { container, process: processMessage(command) };
    const { message, dropped } = execFor(dialect, whole);
    this.#tellDropped(dropped, container);
    await this.#guest.send("execcmd", message, token);
  }

  async killContainer(container: string, signal: number, all: boolean): Promise<void> {
    const message: KillContainer = { container, signal, allProcesses: all };
    await this.#guest.send("killcontainer", message);
  }

  async removeContainer(container: string): Promise<void> {
    const { dialect } = await this.#guest.attached();
    const message: RemoveContainer = { container };
    try {
      await this.#guest.send("removecontainer", message);
    } catch (error) {
      // It removes a container by itself when its first process ends, and then knows none of that name.
      if (!isCDialect(dialect)) throw error;
      this.#logger.debug("guest has removed the container already", { container, error });
    }
  }

  async listProcesses(
    container: string,
    format: "json" | "table",
    args: string[],
  ): Promise<string> {
    const { dialect } = await this.#guest.attached();
    if (isCDialect(dialect)) {
      throw new Failure(
        `Cannot list the processes of the container ${container}: ${guestName(dialect)} has no ` +
          "command for it",
        { hint: "Run ps in the container: podvisor container exec" },
      );
    }
    const message: PsContainer = { container, format, psargs: args };
    return new TextDecoder().decode(await this.#guest.send("pscontainer", message));
  }

  async updateContainer(container: string, limits: ContainerLimits): Promise<void> {
    await this.#requireBuiltin(`change the limits of the container ${container}`);
    const message: UpdateContainer = { container, constraints: constraintsOf(limits) };
    await this.#guest.send("updatecontainer", message);
  }

  async freezeContainer(container: string, frozen: boolean): Promise<void> {
    await this.#requireBuiltin(`make the container ${container} stand still`);
    const message: FreezeContainer = { container, frozen };
    await this.#guest.send("freezecontainer", message);
  }

  async containerCounters(container: string): Promise<CgroupCounters> {
    await this.#requireBuiltin(`tell what the container ${container} has used`);
    const message: RemoveContainer = { container };
    return parseCgroupCounters(await this.#guest.send("containercounters", message));
  }

  /** @throws {Failure} for a guest that does not have podvisor's own commands */
  async #requireBuiltin(what: string): Promise<void> {
    const { dialect } = await this.#guest.attached();
    if (dialect === "builtin") return;
    throw new Failure(`Cannot ${what}: ${guestName(dialect)} has no command for it`);
  }

  async onlineCPUMem(plugged?: PluggedResources): Promise<void> {
    const { dialect } = await this.#guest.attached();
    // The Go agent leaves it to udev, and answers ERROR.
    if (dialect === "go") return;
    await this.#guest.send("onlinecpumem", dialect === "builtin" ? plugged : undefined);
  }

  async collectTrace(): Promise<void> {
    const link = this.#guest.known;
    if (!isTracing() || !link) return;
    try {
      const { client } = await link;
      addSpans(await client.endTrace(this.#guest.limits()));
    } catch (error) {
      this.#logger.debug("no trace of the proxy and the guest", { error });
    }
  }

  async setInterface(wanted: GuestInterface): Promise<void> {
    const { dialect } = await this.#guest.attached();
    const { interfaces } = networkFor(dialect, { interfaces: [wanted], routes: [] }, this.#logger);
    for (const each of interfaces) await this.#guest.send("setupinterface", each);
  }

  async setRoutes(routes: readonly GuestRoute[]): Promise<void> {
    const { dialect } = await this.#guest.attached();
    const known = networkFor(dialect, { interfaces: [], routes }, this.#logger).routes;
    if (known.length > 0) await this.#guest.send("setuproute", { routes: known });
  }

  async deleteRoutes(routes: readonly GuestRoute[]): Promise<void> {
    const { dialect } = await this.#guest.attached();
    if (dialect !== "builtin") {
      throw new Failure(`Cannot take routes away: ${guestName(dialect)} has no command for it`);
    }
    await this.#guest.send("deleteroute", { routes });
  }

  close(): void {
    this.#guest.close();
  }

  /** What the guest cannot do is left out of its messages, and must not be missed in silence. */
  #tellDropped(dropped: readonly string[], container?: string): void {
    if (dropped.length === 0) return;
    this.#logger.warn("the guest takes no part in these settings", {
      ...(container === undefined ? {} : { container }),
      settings: dropped.join(", "),
    });
  }
}

/** The host's time of day, in microseconds since 1970. */
function hostTime(): number {
  return Number(clockTime(CLOCK_REALTIME) / 1000n);
}

/** Secret bytes for the guest's random numbers, as many as its kernel's generator has (drivers/char/random.c). */
function newEntropy(): string {
  return crypto.getRandomValues(new Uint8Array(ENTROPY_SIZE)).toHex();
}

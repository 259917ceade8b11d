import type { ProxyLimits } from "./limits.ts";
import type { SpareVM } from "./payloads.ts";
import type { Session } from "./session.ts";
import type { HostedShims } from "./shim_host.ts";
import { socketPathOf } from "./url.ts";
import type { Vm } from "./vm.ts";

/** What a proxy knows: its VMs, and whose each token is. */
export class Registry {
  #path: string;
  readonly vms = new Map<string, Vm>();
  /** Shims that it serves itself. */
  readonly shims: HostedShims;
  readonly #limits: ProxyLimits;
  /** Tokens of VMs that are there. One whose session is over stays, as one that is claimed for ever. */
  readonly #tokens = new Map<string, Vm>();
  readonly #returns = new Map<Session, ReturnType<typeof setTimeout>>();
  readonly #onUnregister: (vm: Vm) => void;
  readonly #registered = Promise.withResolvers<void>();

  constructor(
    path: string,
    shims: HostedShims,
    limits: ProxyLimits,
    onUnregister: (vm: Vm) => void,
  ) {
    this.#path = path;
    this.shims = shims;
    this.#limits = limits;
    this.#onUnregister = onUnregister;
  }

  /** Where its socket is. */
  get path(): string {
    return this.#path;
  }

  /** Where shims connect, for the answers to RegisterVM and AttachVM. */
  get url(): string {
    return `unix://${this.#path}`;
  }

  /** Resolves when the guest of the first VM has answered. */
  get registered(): Promise<void> {
    return this.#registered.promise;
  }

  /** A VM's guest has answered. */
  announce(): void {
    this.#registered.resolve();
  }

  /** A registered VM. Throws for an unknown id. */
  find(id: string): Vm {
    const vm = this.vms.get(id);
    if (!vm) throw new Error(`unknown containerID: ${id}`);
    return vm;
  }

  /**
   * A VM that has waited becomes a pod's, and the socket with it, which whoever took the VM has moved.
   *
   * @throws {Error} when there is no such VM, or another one has the pod's name
   */
  handOver(id: string, { formerId, url }: SpareVM): void {
    const vm = this.find(formerId);
    if (id === "" || this.vms.has(id)) throw new Error(`${id}: container already registered`);
    this.#path = socketPathOf(url);
    this.vms.delete(formerId);
    this.vms.set(id, vm);
    vm.id = id;
  }

  /** Takes a VM out of the table. Its channels stay open: the guest ends them. */
  unregister(id: string): void {
    const vm = this.find(id);
    this.vms.delete(id);
    this.#onUnregister(vm);
  }

  /** New tokens of a VM, known until it is lost. */
  allocate(vm: Vm, count: number): string[] {
    const tokens = vm.allocate(count);
    for (const token of tokens) this.#tokens.set(token, vm);
    return tokens;
  }

  /** Forgets the tokens of a VM that is lost. */
  dropTokens(vm: Vm): void {
    for (const [token, owner] of this.#tokens) if (owner === vm) this.#tokens.delete(token);
  }

  /** The session that a shim may claim with a token. */
  claim(token: string): { vm: Vm; session: Session } {
    const vm = this.#tokens.get(token);
    if (!vm) throw new Error(`unknown token: ${token}`);
    const session = vm.session(token);
    if (!session || session.claimed) throw new Error(`token already claimed: ${token}`);
    clearTimeout(this.#returns.get(session));
    this.#returns.delete(session);
    return { vm, session };
  }

  /** Gives a shim that vanished its time to come back. */
  waitForReturn(vm: Vm, session: Session): void {
    const timer = setTimeout(() => {
      this.#returns.delete(session);
      if (session.process) vm.abandon(session);
    }, this.#limits.reconnectTimeout);
    this.#returns.set(session, timer);
  }

  /** Waits for nobody any more. */
  close(): void {
    for (const timer of this.#returns.values()) clearTimeout(timer);
    this.#returns.clear();
  }
}

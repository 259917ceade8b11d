import { type ChildProgram, type Fd, O_RDONLY, open, SYS } from "../../sys/mod.ts";
import { OWN_NAMESPACES } from "./process_program.ts";
import { type ContainerSpec, Refusal } from "./runtime.ts";

/** CLONE_NEW… of the namespaces that need not be a container's own (linux/sched.h). */
const KINDS = { pid: 0x20000000, ipc: 0x8000000, uts: 0x4000000 } as const;
type Kind = keyof typeof KINDS;

/** A namespace to be in. */
export interface Joined {
  kind: Kind;
  /** It, or a process (pidfd) that is in it. */
  fd: number;
}

/** In which namespaces a container's first process is. */
export interface NamespacePlan {
  /** CLONE_NEW… of those that are made for it. */
  made: number;
  joined: readonly Joined[];
  /** Names under which those that are made are shared from then on. */
  named: readonly { kind: Kind; name: string }[];
}

const CONTAINER = "container:";

/** Namespaces that containers share by a name, and the processes of containers that share theirs. */
export class SharedNamespaces {
  readonly #byName = new Map<string, Fd>();

  /**
   * @param processOf the first process of a container (pidfd), if it runs
   * @throws {Refusal} when a container whose namespaces are wanted does not run
   */
  plan(
    wanted: ContainerSpec["namespaces"],
    processOf: (container: string) => Fd | undefined,
  ): NamespacePlan {
    let made = OWN_NAMESPACES;
    const joined: Joined[] = [];
    const named: { kind: Kind; name: string }[] = [];
    for (const [kind, name] of Object.entries(wanted)) {
      if (!isKind(kind)) throw new Refusal(`Cannot share namespaces of the kind ${kind}`);
      const known = name.startsWith(CONTAINER)
        ? running(name.slice(CONTAINER.length), processOf)
        : this.#byName.get(`${kind} ${name}`);
      if (known) joined.push({ kind, fd: known.number });
      else if (name !== "") {
        named.push({ kind, name });
        continue;
      }
      made &= ~KINDS[kind];
    }
    return { made, joined, named };
  }

  /** Keeps the namespaces of a process for those that will ask for them by name. */
  keep({ named }: NamespacePlan, pid: number): void {
    for (const { kind, name } of named) {
      this.#byName.set(`${kind} ${name}`, open(`/proc/${pid}/ns/${kind}`, O_RDONLY));
    }
  }

  clear(): void {
    for (const each of this.#byName.values()) each.close();
    this.#byName.clear();
  }
}

/** A pid namespace is only the children's of who joins it: what follows is made by one. */
export function joinNamespaces(program: ChildProgram, { joined }: NamespacePlan): void {
  for (const { kind, fd } of joined) {
    program.call("setns", `${kind} namespace`, SYS.setns, fd, KINDS[kind]);
  }
  if (joined.some(({ kind }) => kind === "pid")) program.split();
}

/** Whether the processes of a container end with its first one. */
export function endsAsOne({ made }: NamespacePlan): boolean {
  return (made & KINDS.pid) !== 0;
}

/** Whether it can have a host name of its own. */
export function hasOwnName({ made }: NamespacePlan): boolean {
  return (made & KINDS.uts) !== 0;
}

function running(container: string, processOf: (container: string) => Fd | undefined): Fd {
  const process = processOf(container);
  if (process) return process;
  throw new Refusal(`Cannot share namespaces of the container ${container}: it does not run`);
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(KINDS, kind);
}

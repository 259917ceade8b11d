import { Session, type SessionHost } from "./session.ts";
import { newToken } from "./token.ts";

const FIRST_SEQUENCE = 3;
/** Sequences of a process whose output nobody wants. */
const DISCARD_SEQUENCE = 1;

/** A VM's sessions, by token and by sequence. Sequences are given out once and never again. */
export class SessionTable {
  readonly #host: SessionHost;
  readonly #byToken = new Map<string, Session>();
  readonly #bySequence = new Map<number, Session>();
  #nextSequence = FIRST_SEQUENCE;
  #discardTaken = false;

  constructor(host: SessionHost) {
    this.#host = host;
  }

  /** A new session with a token of its own. */
  add(): Session {
    const session = new Session(newToken(), this.#takeSequences(), this.#host);
    this.#byToken.set(session.token, session);
    this.#bySequence.set(session.base, session);
    this.#bySequence.set(session.base + 1, session);
    return session;
  }

  remove(session: Session): void {
    this.#byToken.delete(session.token);
    this.#bySequence.delete(session.base);
    this.#bySequence.delete(session.base + 1);
  }

  ofToken(token: string): Session | undefined {
    return this.#byToken.get(token);
  }

  ofSequence(sequence: number): Session | undefined {
    return this.#bySequence.get(sequence);
  }

  all(): Session[] {
    return [...this.#byToken.values()];
  }

  /** 1 and 2 for the first process without a token; the guest may refuse numbers in use, so the next get their own. */
  discardSequence(): number {
    if (this.#discardTaken) return this.#takeSequences();
    this.#discardTaken = true;
    return DISCARD_SEQUENCE;
  }

  #takeSequences(): number {
    this.#nextSequence += 2;
    return this.#nextSequence - 2;
  }
}

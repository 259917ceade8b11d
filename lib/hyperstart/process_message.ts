/** `{env, value}`: one environment variable. */
export interface EnvVar {
  env: string;
  value: string;
}

/** A resource limit; `type` is the kernel's name without `RLIMIT_`, in any case, or with it. */
export interface Rlimit {
  type: string;
  hard: number;
  soft: number;
}

/** Capability sets by name, `CAP_NET_RAW` or so. null leaves the set to the guest; an empty array empties it. */
export interface CapabilitySets {
  bounding: string[] | null;
  effective: string[] | null;
  inheritable: string[] | null;
  permitted: string[] | null;
  ambient: string[] | null;
}

/** Extension: a filter of system calls, installed before the program is executed. */
export interface SeccompFilter {
  /** Classic BPF (`struct sock_filter`, little-endian) in base64. */
  program: string;
  /** SECCOMP_FILTER_FLAG_… of seccomp(2). */
  flags: number;
}

/** Extension: how a process is scheduled, with the numbers of sched_setattr(2). */
export interface Scheduling {
  policy: number;
  flags: number;
  nice: number;
  priority: number;
  /** Nanoseconds, of the deadline policy. */
  runtime: number;
  deadline: number;
  period: number;
}

/** A process to run: part of NEWCONTAINER and EXECCMD. */
export interface Process {
  /** C hyperstart's name of the process; in the Go dialect the decimal `stdio` by default. */
  id?: string;
  /** Name or number, looked up in the container's own files. Empty: root. */
  user?: string;
  /** Name or number. Empty: the user's. */
  group?: string;
  additionalGroups?: string[];
  terminal: boolean;
  /** Sequence of stdin and stdout. 0 or absent on the way to a proxy, which fills it in. */
  stdio?: number;
  /** Sequence of stderr; 0 or absent with a terminal. */
  stderr?: number;
  args: string[];
  envs?: EnvVar[];
  workdir: string;
  /** In the Go agent's structure, but ignored by it; the built-in guest applies them. */
  rlimits?: Rlimit[];
  noNewPrivileges: boolean;
  capabilities: CapabilitySets;
  /** Extension (and C hyperstart 0.7): initial size of the terminal. 0: unknown. */
  rows?: number;
  columns?: number;
  /** Extension, filled in by a proxy: output credit of each sequence at the start. 0 or absent: no limit. */
  outputCredit?: number;
  /** Extension: file mode creation mask. null or absent: the guest's 022. */
  umask?: number | null;
  /** Extension: -1000 (never killed for lack of memory) to 1000 (first). */
  oomScoreAdj?: number;
  /** Extension: as ioprio_set(2) takes it. 0: none. */
  ioPriority?: number;
  /** Extension. */
  scheduling?: Scheduling | null;
  /** Extension: execution domain and flags of personality(2). null or absent: as the agent has it. */
  personality?: number | null;
  /** Extension. In a further process of a container, absent: the container's. */
  seccomp?: SeccompFilter | null;
}

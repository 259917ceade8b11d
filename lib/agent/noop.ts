import type { CgroupCounters } from "../hyperstart/mod.ts";
import type { Agent, AgentCapabilities, GuestDevices, ProcessStreams } from "./agent.ts";

/** An agent without a guest: everything succeeds at once, and nothing happens. For pods that have no VM. */
export class NoopAgent implements Agent {
  init(): void {}

  capabilities(): AgentCapabilities {
    return { blockDevices: false };
  }

  createPod(): GuestDevices {
    return { ports: [], share: null };
  }

  async startPod(): Promise<void> {}

  async emptyPod(): Promise<void> {}

  async stopPod(): Promise<void> {}

  /** Streams that lead nowhere. */
  reserveStreams(): Promise<ProcessStreams> {
    return Promise.resolve({ url: "", token: "" });
  }

  async releaseStreams(): Promise<void> {}

  async startContainer(): Promise<void> {}

  holdContainer(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async releaseContainer(): Promise<void> {}

  async exec(): Promise<void> {}

  async killContainer(): Promise<void> {}

  async removeContainer(): Promise<void> {}

  /** No processes: an empty array, or an empty table. */
  listProcesses(_container: string, format: "json" | "table"): Promise<string> {
    return Promise.resolve(format === "json" ? "[]" : "");
  }

  async updateContainer(): Promise<void> {}

  async freezeContainer(): Promise<void> {}

  containerCounters(): Promise<CgroupCounters> {
    return Promise.resolve({});
  }

  async onlineCPUMem(): Promise<void> {}

  async collectTrace(): Promise<void> {}

  async setInterface(): Promise<void> {}

  async setRoutes(): Promise<void> {}

  async deleteRoutes(): Promise<void> {}

  close(): void {}
}

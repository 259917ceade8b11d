import { assertEquals } from "@std/assert";
import { BUILTIN_KINDS, type PodConfig } from "../../../lib/pod/mod.ts";
import { canTakeSpare, originOf } from "../../../lib/pod/vm_origin.ts";

const SPARES = { count: 1, seconds: 600 };

function config(more: Partial<PodConfig>): PodConfig {
  return {
    hostname: "pod1",
    memoryMiB: 512,
    vcpus: 1,
    network: { kind: "none" },
    share: "9p",
    kernel: null,
    kinds: BUILTIN_KINDS,
    ...more,
  };
}

Deno.test("a pod starts from a template where that is wanted and its own parts are podvisor's", () => {
  const template = { kind: "template" } as const;
  assertEquals(originOf(config({ template: "auto" })), template);
  assertEquals(originOf(config({ template: "use" })), template);
  assertEquals(originOf(config({ template: "off" })), undefined);
  assertEquals(originOf(config({})), undefined);
  for (
    const kinds of [
      { ...BUILTIN_KINDS, proxy: { kind: "cc-proxy", path: "/bin/cc-proxy" } },
      { ...BUILTIN_KINDS, agent: "noop" },
    ] as const
  ) assertEquals(originOf(config({ template: "auto", kinds })), undefined);
});

Deno.test("a pod cannot be a spare that needs something when QEMU starts", () => {
  const port = { protocol: "tcp", address: "", port: 8080, guestPort: 80 } as const;
  const model = "tcfilter";
  const can: [Partial<PodConfig>, boolean][] = [
    [{ spares: SPARES }, true],
    [{}, false],
    [{ spares: SPARES, network: { kind: "user", ports: [] } }, true],
    [{ spares: SPARES, network: { kind: "user", ports: [port] } }, false],
    [{ spares: SPARES, network: { kind: "netns", path: "/run/netns/n", model } }, false],
    [{ spares: SPARES, sockets: { control: "/run/ctl" } }, false],
  ];
  for (const [more, expected] of can) assertEquals(canTakeSpare(config(more)), expected);
});

import { assertEquals } from "@std/assert";
import { BUILTIN_KINDS, type PodConfig } from "../../../lib/pod/mod.ts";
import { originOf, takesSpare } from "../../../lib/pod/vm_origin.ts";
import { podConfig } from "./pod_config.ts";

const SPARES = { count: 1, seconds: 600 };
const TEMPLATE = { kind: "template" } as const;

Deno.test("a pod starts from a template where that is wanted and its own parts are podvisor's", () => {
  assertEquals(originOf(podConfig({ template: "auto" })), TEMPLATE);
  assertEquals(originOf(podConfig({ template: "use" })), TEMPLATE);
  assertEquals(originOf(podConfig({ template: "off" })), undefined);
  assertEquals(originOf(podConfig({})), undefined);
  for (
    const kinds of [
      { ...BUILTIN_KINDS, proxy: { kind: "cc-proxy", path: "/bin/cc-proxy" } },
      { ...BUILTIN_KINDS, agent: "noop" },
    ] as const
  ) assertEquals(originOf(podConfig({ template: "auto", kinds })), undefined);
});

Deno.test("a pod cannot be a spare that needs something when QEMU starts", () => {
  const port = { protocol: "tcp", address: "", port: 8080, guestPort: 80 } as const;
  const model = "tcfilter";
  const bridge = { kind: "bridge" as const, name: "br0", addresses: [], gateways: [] };
  const can: [Partial<PodConfig>, boolean][] = [
    [{ spares: SPARES }, true],
    [{}, false],
    [{ spares: SPARES, network: { kind: "user", ports: [] } }, true],
    [{ spares: SPARES, network: { kind: "user", ports: [port] } }, false],
    [{ spares: SPARES, network: { kind: "netns", path: "/run/netns/n", model } }, false],
    [{ spares: SPARES, network: { ...bridge, model } }, true],
    [{ spares: SPARES, network: { ...bridge, model: "bridged" } }, true],
    [{ spares: SPARES, network: { ...bridge, model: "macvtap" } }, false],
    [{ spares: SPARES, sockets: { control: "/run/ctl" } }, false],
  ];
  for (const [more, expected] of can) {
    assertEquals(takesSpare(TEMPLATE, podConfig(more)), expected);
    assertEquals(takesSpare(undefined, podConfig(more)), false);
    assertEquals(takesSpare({ kind: "new-template", ram: "/ram" }, podConfig(more)), false);
  }
});

import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { parseOptions } from "../../../lib/cli/options.ts";
import { readRoutes, ROUTE_OPTION } from "../../../lib/cli/route_options.ts";

const routes = (...texts: string[]) =>
  readRoutes(parseOptions(texts.flatMap((text) => ["--route", text]), [ROUTE_OPTION]));

Deno.test("a route is its destination and what goes with it", async () => {
  assertEquals(
    await routes("10.20.0.0/16,via=10.9.0.1,dev=eth1,metric=5,mtu=1300,src=10.9.0.2,onlink"),
    [{
      dest: "10.20.0.0/16",
      gateway: "10.9.0.1",
      device: "eth1",
      metric: 5,
      mtu: 1300,
      src: "10.9.0.2",
      onlink: true,
    }],
  );
  assertEquals(await routes("FD00:0::/32,dev=eth0"), [{ dest: "fd00::/32", device: "eth0" }]);
});

Deno.test("the default route is of its gateway's family", async () => {
  assertEquals(await routes("default,via=10.0.0.1", "default,via=fd00::1"), [
    { dest: "default", gateway: "10.0.0.1" },
    { dest: "::/0", gateway: "fd00::1" },
  ]);
});

Deno.test("a route that leads nowhere or says what is unknown is refused", async () => {
  for (
    const [text, why] of [
      ["10.0.0.0/8", "it needs via or dev"],
      ["10.0.0.0/8,dev=", '"dev=" is unknown'],
      ["10.0.0.0/8,dev=eth0,speed=9", '"speed=9" is unknown'],
      ["10.0.0.0/33,dev=eth0", "its destination is neither"],
      ["nowhere,dev=eth0", "its destination is neither"],
      ["10.0.0.0/8,via=10.0.0", "is no IP address"],
      ["10.0.0.0/8,dev=eth0,metric=4294967296", "is no number"],
    ] as const
  ) {
    await assertRejects(() => routes(text), Failure, why);
  }
});

import { assertEquals } from "@std/assert";
import { readResolvConf } from "../../../../lib/pod/network/name_servers.ts";

Deno.test("servers and search domains are read from a resolv.conf, comments are not", () => {
  const text = "# made by hand\nnameserver 10.0.0.53 ; first\nnameserver fd00::53\n" +
    "search a.example b.example\noptions edns0\n";
  assertEquals(readResolvConf(text), {
    servers: ["10.0.0.53", "fd00::53"],
    search: ["a.example", "b.example"],
  });
});

Deno.test("servers that a VM cannot reach are left out: of the loopback interface, and with a zone", () => {
  const text = "nameserver 127.0.0.53\nnameserver ::1\nnameserver fe80::1%eth0\nsearch .\n";
  assertEquals(readResolvConf(text), { servers: [], search: [] });
});

Deno.test("of many servers the first three count, of search lists the last", () => {
  const text = [1, 2, 3, 4].map((each) => `nameserver 10.0.0.${each}`).join("\n") +
    "\ndomain one.example\nsearch two.example\n";
  assertEquals(readResolvConf(text), {
    servers: ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
    search: ["two.example"],
  });
});

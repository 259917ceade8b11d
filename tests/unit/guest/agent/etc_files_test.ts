import { assertEquals } from "@std/assert";
import { etcFiles } from "../../../../lib/guest/agent/etc_files.ts";
import { parseStartPod } from "../../../../lib/hyperstart/mod.ts";

/** The files of a pod that a host tells of in these words. */
function filesOf(pod: Record<string, unknown>): Record<string, string> {
  const spec = parseStartPod(new TextEncoder().encode(JSON.stringify(pod)));
  return Object.fromEntries(etcFiles(spec).map(({ name, text }) => [name, text]));
}

Deno.test("a pod's files have its name, addresses and name servers", () => {
  const ipAddresses = [{ ipAddress: "10.0.0.2", netMask: "24" }, { ipAddress: "", netMask: "" }];
  const interfaces = [{ newDeviceName: "eth0", ipAddresses, mtu: 0, macAddr: "" }];
  const dns = ["10.0.0.1", "fd00::1"];
  assertEquals(filesOf({ hostname: "web", interfaces, dns, dnsSearch: ["a.b", "c"] }), {
    "resolv.conf": "nameserver 10.0.0.1\nnameserver fd00::1\nsearch a.b c\n",
    hostname: "web\n",
    hosts: "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.2 web\n",
  });
  assertEquals(filesOf({ hostname: "h" }), {
    hostname: "h\n",
    hosts: "127.0.0.1 localhost h\n::1 localhost ip6-localhost\n",
  });
  assertEquals(filesOf({}), {});
});

Deno.test("a name or server is one word: nothing in it begins another word, or a line", () => {
  const files = filesOf({ hostname: " w e\nb\u007f", dns: ["10.0.0.1\noptions rotate", "\t"] });
  assertEquals(files.hostname, "web\n");
  assertEquals(files["resolv.conf"], "nameserver 10.0.0.1optionsrotate\nnameserver \n");
});

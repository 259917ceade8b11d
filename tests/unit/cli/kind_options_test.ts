import { assertEquals, assertThrows } from "@std/assert";
import { KIND_OPTIONS, readKinds } from "../../../lib/cli/kind_options.ts";
import { parseOptions } from "../../../lib/cli/options.ts";
import { Config, type ConfigValues } from "../../../lib/config/mod.ts";
import { Failure } from "../../../lib/failure.ts";
import { BUILTIN_KINDS } from "../../../lib/pod/mod.ts";

const KERNEL = { name: "kernel", kind: "value", help: "" } as const;

function read(args: string[], configured: Partial<ConfigValues> = {}) {
  const options = parseOptions(args, [...KIND_OPTIONS, KERNEL]);
  return readKinds(options, new Config().with(configured, "a file"));
}

Deno.test("without options and configuration all of a pod is podvisor's own", () => {
  assertEquals(read([]), { kernel: null, kinds: BUILTIN_KINDS });
});

Deno.test("the configuration chooses programs, options go over it", () => {
  const configured: Partial<ConfigValues> = {
    proxy: "cc-proxy",
    proxy_path: "/opt/cc-proxy",
    shim: "cc-shim",
    shim_path: "/opt/cc-shim",
    qemu_path: "/opt/qemu",
  };
  const kinds = {
    proxy: { kind: "cc-proxy", path: "/opt/cc-proxy" },
    shim: { kind: "cc-shim", path: "/opt/cc-shim" },
    hypervisor: { kind: "qemu", path: "/opt/qemu" },
    agent: "hyperstart",
  } as const;
  assertEquals(read([], configured).kinds, kinds);
  const over = ["--proxy=noop=unix:///run/p.sock", "--shim=builtin", "--hypervisor=qemu=/q"];
  assertEquals(read(over, configured).kinds, {
    ...kinds,
    proxy: { kind: "noop", url: "unix:///run/p.sock" },
    shim: { kind: "builtin" },
    hypervisor: { kind: "qemu", path: "/q" },
  });
  const shim = read(["--shim", "cc-shim"], configured).kinds?.shim;
  assertEquals(shim, { kind: "cc-shim", path: "/opt/cc-shim" });
});

Deno.test("an agent without a guest has neither proxy nor shim", () => {
  assertEquals(read(["--agent", "noop", "--hypervisor", "mock"]).kinds, {
    proxy: { kind: "noop", url: "" },
    shim: { kind: "noop" },
    hypervisor: { kind: "mock", path: null },
    agent: "noop",
  });
});

Deno.test("another guest is booted with a kernel of its own", () => {
  const guest = { kernel: "/k", guest: { initrd: "/i", image: null }, kinds: BUILTIN_KINDS };
  assertEquals(read(["--kernel", "/k", "--initrd", "/i"]), guest);
  assertEquals(read([], { kernel: "/k", initrd: "/i" }), guest);
  assertThrows(() => read(["--image", "/i"]), Failure, "its kernel is not given");
});

Deno.test("the guest's sockets are where options or the configuration say, each by itself", () => {
  assertEquals(read(["--control-socket", "/c"], { stream_socket: "/s/{pod}" }).sockets, {
    control: "/c",
    stream: "/s/{pod}",
  });
  assertEquals(read([], { control_socket: "/c" }).sockets, { control: "/c" });
});

Deno.test("a kind that there is not, or that lacks its path or address, is told", () => {
  assertThrows(() => read(["--proxy", "best"]), Failure, "it is one of builtin, cc-proxy, noop");
  assertThrows(() => read(["--proxy", "cc-proxy"]), Failure, "its path is not given");
  assertThrows(() => read(["--proxy", "noop"]), Failure, "its address is not given");
  assertThrows(() => read(["--shim", "cc-shim"]), Failure, "its path is not given");
  assertThrows(() => read(["--shim", "cc-shim="]), Failure, "nothing follows the =");
  assertThrows(() => read(["--agent", "none"]), Failure, "it is one of hyperstart, noop");
});

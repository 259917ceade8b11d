import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { findPaths } from "../../../lib/config/mod.ts";

Deno.test("root's pods and cache lie in the system's places", () => {
  const paths = findPaths({ env: { XDG_RUNTIME_DIR: "/run/user/0", HOME: "/root" }, uid: 0 });
  assertEquals(paths, { state: "/run/podvisor", cache: "/var/cache/podvisor" });
});

Deno.test("a user's pods and cache lie in the XDG base directories", () => {
  const env = { XDG_RUNTIME_DIR: "/run/user/7", XDG_CACHE_HOME: "/c", HOME: "/home/u" };
  assertEquals(findPaths({ env, uid: 7 }), { state: "/run/user/7/podvisor", cache: "/c/podvisor" });
  assertEquals(findPaths({ env: { HOME: "/home/u", XDG_CACHE_HOME: "relative" }, uid: 7 }), {
    state: "/tmp/podvisor-7",
    cache: "/home/u/.cache/podvisor",
  });
});

Deno.test("--root goes before PODVISOR_STATE, and that before the usual place", () => {
  const env = { PODVISOR_STATE: "/state", PODVISOR_CACHE: "/cache" };
  assertEquals(findPaths({ env, uid: 0 }), { state: "/state", cache: "/cache" });
  assertEquals(findPaths({ env, uid: 0, root: "/root" }).state, "/root");
});

Deno.test("a state directory whose sockets could have no address is refused", () => {
  assertThrows(() => findPaths({ env: {}, uid: 0, root: "/" + "x".repeat(40) }), Failure, "longer");
});

/** Brings what the tests need beyond what podvisor itself needs, then prepares the host as a user would. */
import { installPackages } from "../lib/host/mod.ts";
import { runCommandLine } from "../lib/cli/mod.ts";
import { printError } from "../lib/cli/output.ts";

interface TestTool {
  path: string;
  name: string;
  why: string;
}

const TOOLS: readonly TestTool[] = [
  { path: "/usr/sbin/ip", name: "iproute2", why: "the network tests compare with what ip prints" },
  {
    path: "/usr/lib/cni/bridge",
    name: "containernetworking-plugins",
    why: "the network tests give pods namespaces that they have made",
  },
  { path: "/usr/bin/openssl", name: "openssl", why: "restored pods are to draw different keys" },
  { path: "/usr/sbin/iptables", name: "iptables", why: "CNI's portmap publishes ports by it" },
  { path: "/usr/bin/podman", name: "podman", why: "the engine tests run containers with it" },
  { path: "/usr/bin/conmon", name: "conmon", why: "podman looks after containers with it" },
  { path: "/usr/bin/catatonit", name: "catatonit", why: "podman's pods and --init run it" },
  {
    path: "/usr/bin/containerd",
    name: "containerd",
    why: "the engine tests run containers with it",
  },
  { path: "/usr/sbin/runc", name: "runc", why: "podvisor is compared with it" },
  {
    path: "/usr/bin/redis-check-rdb",
    name: "redis-tools",
    why: "an engine test runs a database server, whose program it holds",
  },
  {
    path: "/usr/bin/mmdebstrap",
    name: "mmdebstrap",
    why: "an engine test installs a package in a minimal system, which it makes",
  },
  { path: "/usr/bin/script", name: "bsdutils", why: "the terminal tests run under script" },
];

const missing = TOOLS.filter(({ path }) => !isThere(path));
for (const { name, why } of missing) printError(`installing ${name} (${why})\n`);
if (missing.length > 0) await installPackages(missing.map(({ name }) => name));
const code = await runCommandLine(["setup", "--install"]);
// Most tests have their pods restored, which is quicker.
if (code === 0) await runCommandLine(["template", "build"]);
Deno.exit(code);

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

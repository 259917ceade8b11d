/** A whole Debian system in a VM: apt and dpkg, their locks, databases, scripts and triggers. */
import { assertEquals, assertMatch } from "@std/assert";
import { run, tryRun } from "./place.ts";
import { Podman } from "./podman.ts";

const SYSTEM = "localhost/system";
/** A program, and the libraries that it depends on; none of them is in a minimal system. */
const PACKAGES = ["jq", "libjq1", "libonig5"];
const INSTALL = `set -e
rm -rf /etc/apt/sources.list.d /etc/apt/apt.conf.d/99mmdebstrap
echo 'deb [trusted=yes] file:/packages ./' > /etc/apt/sources.list
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install --yes --no-install-recommends jq
echo '{"answer": [6, 7]}' | jq '.answer[0] * .answer[1]'
dpkg --audit
dpkg-query --show --showformat '\${db:Status-Status} \${Package}\\n' ${PACKAGES.join(" ")}
apt-get -q remove --yes jq
test -e /usr/bin/jq || echo removed`;

Deno.test("a package and what it depends on are installed by apt, used and removed", async () => {
  await using podman = await Podman.make();
  const { place } = podman;
  const [packages] = await Promise.all([
    fetchPackages(place.file("packages")),
    importSystem(podman),
  ]);
  const name = ["--name", "installing", "--network", "none"];
  const volume = ["--volume", `${packages}:/packages:ro`];
  const { code, stdout, stderr } = await podman.run(
    ...name,
    ...volume,
    SYSTEM,
    "sh",
    "-c",
    INSTALL,
  );
  assertEquals(code, 0, stdout + stderr);
  assertMatch(stdout, /Unpacking jq .*Setting up jq .*Processing triggers for libc-bin.*\n42\n/s);
  const installed = PACKAGES.map((each) => `installed ${each}\n`).join("");
  assertEquals(stdout.includes(`\n42\n${installed}`), true, stdout);
  assertMatch(stdout, /Removing jq .*\nremoved\n$/s);
  // What was written in the VM is the container's on the host.
  const changed = await podman.must("diff", "installing");
  assertMatch(changed, /^A \/usr\/lib\/\S+\/libonig\.so\.5$/m);
  await podman.must("rm", "installing");
  assertEquals(await place.leftovers(), []);
});

/** A minimal system, from where this machine's own packages come. */
async function importSystem(podman: Podman): Promise<void> {
  const archive = podman.place.file("system.tar");
  await run([
    "mmdebstrap",
    ...["--quiet", "--variant=apt", "--mode=root", ...await proxies(), await codename(), archive],
    ...await sources(),
  ]);
  await podman.must("import", archive, SYSTEM);
}

/** A directory of packages with an index, which apt takes for a source. */
async function fetchPackages(directory: string): Promise<string> {
  await Deno.mkdir(directory);
  await run(["apt-get", "download", ...PACKAGES], { cwd: directory });
  let index = "";
  for await (const { name } of Deno.readDir(directory)) {
    const file = `${directory}/${name}`;
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(file));
    const { size } = await Deno.stat(file);
    index += (await run(["dpkg-deb", "--field", file])).trimEnd() +
      `\nFilename: ./${name}\nSize: ${size}\nSHA256: ${new Uint8Array(digest).toHex()}\n\n`;
  }
  await Deno.writeTextFile(`${directory}/Packages`, index);
  return directory;
}

async function codename(): Promise<string> {
  const release = await Deno.readTextFile("/etc/os-release");
  return /^VERSION_CODENAME=(\S+)$/m.exec(release)![1]!;
}

/** This machine's sources of packages (sources.list(5)). */
async function sources(): Promise<string[]> {
  const parts = "/etc/apt/sources.list.d";
  const names = [...Deno.readDirSync(parts)].map(({ name }) => name).filter((name) =>
    /\.(list|sources)$/.test(name)
  );
  const files = ["/etc/apt/sources.list", ...names.map((name) => `${parts}/${name}`)];
  const { stdout } = await tryRun(["grep", "-lE", "^(deb |Types:)", ...files]);
  return stdout.trimEnd().split("\n");
}

/** The proxies by which it reaches them. */
async function proxies(): Promise<string[]> {
  const settings = await run(["apt-config", "dump", "Acquire"]);
  return settings.split("\n").filter((line) => /Proxy/.test(line)).map((line) =>
    `--aptopt=${line}`
  );
}

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Bench, PODVISOR } from "../harness/podvisor.ts";

Deno.test("what is mounted below a volume later is seen where that was asked for; /dev is the VM's", async () => {
  await using bench = await Bench.make();
  const volume = join(bench.state, "volume");
  await Deno.mkdir(join(volume, "below"), { recursive: true });
  // In a mount namespace of its own, so that nothing can be left mounted on the host.
  const script = `set -e
mount --bind ${volume} ${volume}
mount --make-shared ${volume}
pv() { ${PODVISOR.join(" ")} "$@"; }
pv pod run p
begin() { pv container run -d --pod p --name "$1" -v ${volume}:/v:"$2" busybox sleep 600; }
begin slave rslave
begin private rw
mount -t tmpfs none ${volume}/below
touch ${volume}/below/late
for each in slave private; do pv container exec $each sh -c "echo $each: \\$(ls /v/below)"; done
pv container run --rm --pod p -v /dev:/dev busybox sh -c 'head -c 4 /dev/vda | wc -c; tty; ls -d /dev/pts/ptmx /dev/shm'
pv container run --rm --pod p -t -v /dev:/dev busybox tty
pv pod rm --force p`;
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "--propagation", "private", "sh", "-c", script],
    env: bench.env,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll("\r", "");
  assertEquals([code, text(stderr)], [0, ""]);
  const lines = text(stdout).trim().split("\n");
  assertEquals(lines, [
    ...["slave", "private", "slave: late", "private:"],
    ...["4", "not a tty", "/dev/pts/ptmx", "/dev/shm"],
    "/dev/pts/0",
  ]);
  await bench.assertNothingLeft();
});

import { assertMatch } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../../harness/podvisor.ts";
import { VIRTC } from "./programs.ts";
import { VirtcWorld } from "./virtc.ts";

if (VIRTC) {
  Deno.test("virtcontainers runs a pod with podvisor's proxy, shim and guest", async () => {
    await using world = await VirtcWorld.make();
    const { directory } = world;
    const pod = ["--pod-id", "p"], container = ["--id", "c", ...pod];
    await world.virtc(
      ...["pod", "run", "--id", "p", "--agent", "hyperstart", "--network", "CNM"],
      ...["--proxy", "ccProxy", "--proxy-path", join(directory, "proxy")],
      ...["--shim", "ccShim", "--shim-path", join(directory, "shim")],
    );
    const root = join(directory, "root");
    await world.virtc("container", "create", ...container, "--rootfs", root, "--cmd", "sleep 1000");
    await world.virtc("container", "start", ...container);
    const listed = await world.virtc("container", "enter", ...container, "--cmd", "ls /bin");
    await eventually(
      "the output of ls",
      async () => /^busybox\ncat\n/m.test(await Deno.readTextFile(listed)) || undefined,
    );
    const status = await world.virtc("container", "status", ...container);
    assertMatch(await Deno.readTextFile(status), /running/);
    await world.virtc("pod", "pause", "--id", "p");
    await world.virtc("pod", "resume", "--id", "p");
    await world.virtc("container", "stop", ...container);
    await world.virtc("container", "delete", ...container);
    await world.virtc("pod", "stop", "--id", "p");
    await world.virtc("pod", "delete", "--id", "p");
    await eventually(
      "the end of all that virtc started",
      async () => Object.keys(await world.processes()).length === 0 || undefined,
    );
  });
}

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { stub } from "@std/testing/mock";
import {
  BUILTIN_KINDS,
  type ContainerRecord,
  createContainer,
  createPod,
  execInContainer,
  findContainer,
  isServed,
  loadPod,
  removeContainer,
  removePod,
  runOnce,
  startContainer,
  startPod,
  stopContainer,
  stopPod,
} from "../../../lib/pod/mod.ts";
import { Code } from "../../../lib/hyperstart/mod.ts";
import { configureLogging } from "../../../lib/log.ts";
import { isAlive, pause, signalProcess } from "../../../lib/sys/mod.ts";
import { command } from "../../unit/agent/scene.ts";
import { containerConfig, podConfig, World } from "./world.ts";

// Failures on purpose are told in the log, which is none of the tests' output; the library of system calls stays open.
configureLogging({ level: "error" });
signalProcess(Deno.pid, 0);

const FOREVER = new AbortController().signal;
/** A guest that does not come down in order is taken down all the same. */
const DESTROYPOD = `guest command ${Code.DESTROYPOD}`;
/** More steps than anything here has. */
const ENDLESS = 40;
/** How long sharing is made to take, in milliseconds. */
const SHARING = 50;

/**
 * A test whose processes and mounts are looked at, not this process's own: a pod's log stays open as long as a command
 * runs, and so does the wait for the end of its VM.
 */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

/** Does something with its first step failing, then its second, and so on until it succeeds; returns the steps. */
async function atEveryStep(
  world: World,
  act: () => Promise<unknown>,
  check: (step: string) => Promise<void> | void,
): Promise<string[]> {
  for (let number = 1; number < ENDLESS; number++) {
    world.failAt(number);
    let failed = false;
    try {
      await act();
    } catch (error) {
      failed = true;
      assert(world.settle(), `it failed by itself: ${error}`);
    }
    if (!world.settle() && !failed) return world.steps;
    const step = world.steps[number - 1]!;
    assert(failed || step === DESTROYPOD, `it went on although it could not ${step}`);
    await check(`after "${step}" failed (step ${number})`);
  }
  throw new Error("it has too many steps");
}

/** A running pod with a container that is to be left alone. */
async function podWithOther(world: World): Promise<ContainerRecord> {
  await createPod(world.tools, "p", podConfig(), FOREVER);
  await startPod(world.tools, "p", FOREVER);
  await createContainer(world.tools, "p", "other", containerConfig(world, "other", ["sleep"]));
  return await startContainer(world.tools, "p", "other");
}

/** Fails unless the other container has all that it had. */
async function assertUntouched(world: World, other: ContainerRecord, when: string): Promise<void> {
  const { pod, containers } = await loadPod(world.store, "p");
  assertEquals(containers.find(({ id }) => id === "other"), other, when);
  assert(isServed(other.shim!), `its shim is gone ${when}`);
  assertEquals(world.tracesOf(pod, "other").length, 5, `its traces are gone ${when}`);
}

test("a pod whose making fails at any step leaves nothing", async () => {
  await using world = new World();
  const steps = await atEveryStep(
    world,
    () => createPod(world.tools, "p", podConfig(), FOREVER),
    (when) => world.assertNothingLeft(when),
  );
  // A record is written while the guest starts: either may be first.
  assertEquals(steps.toSorted(), [
    "guest command 1",
    "launch the VM",
    "make the directory",
    ...Array(4).fill("write the pod's record"),
  ]);
  await removePod(world.tools, "p", true);
  world.assertNothingLeft("at the end");
});

test("a stopped pod whose start fails at any step is stopped, with its record and nothing else", async () => {
  await using world = new World();
  await createPod(world.tools, "p", podConfig(), FOREVER);
  await stopPod(world.tools, "p");
  await atEveryStep(
    world,
    () => startPod(world.tools, "p", FOREVER),
    async (when) => {
      assertEquals(world.processes(), [], `processes left ${when}`);
      assertEquals(world.mounts(), [], `mounts left ${when}`);
      assertEquals((await loadPod(world.store, "p")).pod.state, "stopped", when);
    },
  );
  assertEquals((await loadPod(world.store, "p")).pod.state, "running");
  assertEquals(world.processes(), ["proxy", "vm"]);
});

test("a container whose making fails at any step leaves nothing, and others are untouched", async () => {
  await using world = new World();
  const other = await podWithOther(world);
  const config = containerConfig(world, "c", ["sleep"]);
  await atEveryStep(
    world,
    () => createContainer(world.tools, "p", "c", config),
    async (when) => {
      const { pod, containers } = await loadPod(world.store, "p");
      assertEquals(containers.map(({ id }) => id), ["other"], when);
      assertEquals(world.tracesOf(pod, "c"), [], when);
      assertEquals(world.processes(), ["proxy", "vm"], when);
      assertEquals(await world.claimable(other.token), [], `streams left ${when}`);
      await assertUntouched(world, other, when);
    },
  );
});

test("a container whose start fails at any step has stopped with nothing of its own, and others are untouched", async () => {
  await using world = new World();
  const other = await podWithOther(world);
  const config = containerConfig(world, "c", ["sleep"]);
  await createContainer(world.tools, "p", "c", config);
  await atEveryStep(
    world,
    () => startContainer(world.tools, "p", "c"),
    async (when) => {
      const loaded = await loadPod(world.store, "p");
      const { state, shim, token, disks } = findContainer(loaded, "c");
      if (state === "ready") return assert(isServed(shim!), when);
      assertEquals({ state, shim, token, disks }, {
        state: "stopped",
        shim: null,
        token: null,
        disks: [],
      }, when);
      assertEquals(world.tracesOf(loaded.pod, "c"), [], when);
      assertEquals(world.processes(), ["proxy", "vm"], when);
      assertEquals(await world.claimable(other.token), [], `streams left ${when}`);
      await assertUntouched(world, other, when);
    },
  );
  const running = findContainer(await loadPod(world.store, "p"), "c");
  assertEquals(running.state, "running");
  await stopContainer(world.tools, "p", "c", 0);
  await removeContainer(world.tools, "p", "c", false);
  await assertUntouched(world, other, "after its removal");
});

test("a source that is not there, or a shim that cannot be started, leaves nothing of a container", async () => {
  await using world = new World();
  const other = await podWithOther(world);
  const config = containerConfig(world, "c", ["sleep"]);
  const missing = { source: "/nowhere", destination: "/x", readOnly: false };
  const volumes = [...config.volumes, missing];
  const log = join(world.directory("p").container("c"), "log");
  const cases = [
    { config: { ...config, volumes } },
    { config: { ...config, root: { kind: "directory" as const, path: "/nowhere" } } },
    { config, before: () => Deno.mkdir(log, { recursive: true }) },
  ];
  for (const [index, { config, before }] of cases.entries()) {
    await before?.();
    await assertRejects(() => createContainer(world.tools, "p", "c", config));
    const { pod, containers } = await loadPod(world.store, "p");
    assertEquals(containers.map(({ id }) => id), ["other"]);
    assertEquals(world.tracesOf(pod, "c"), [], `case ${index}`);
    assertEquals(world.processes(), ["proxy", "vm"]);
    assertEquals(await world.claimable(other.token), []);
    await assertUntouched(world, other, `in case ${index}`);
  }
});

test("a further process whose start fails at any step leaves no streams, and its container goes on", async () => {
  await using world = new World();
  const other = await podWithOther(world);
  const steps = await atEveryStep(
    world,
    () =>
      execInContainer(world.tools, {
        pod: "p",
        container: "other",
        command: () => command(["exit", "3"]),
        streams: { interactive: false, terminal: false },
        signal: FOREVER,
      }),
    async (when) => {
      assertEquals(await world.claimable(other.token), [], `streams left ${when}`);
      await assertUntouched(world, other, when);
    },
  );
  assertEquals(steps, ["reserve streams", "guest command 6"]);
});

test("a command in a pod of its own whose start fails at any step leaves nothing", async () => {
  await using world = new World();
  // To share takes longer than what is done meanwhile, and may fail.
  const { stat } = Deno;
  let sharing = 0;
  using _slow = stub(Deno, "stat", async (path) => {
    if (!`${path}`.endsWith("/volume")) return await stat(path);
    sharing++;
    await pause(SHARING);
    sharing--;
    return await stat(path);
  });
  const container = containerConfig(world, "p", ["exit", "3"]);
  const codes: number[] = [];
  await atEveryStep(
    world,
    async () =>
      codes.push(
        await runOnce({
          store: world.store,
          name: "p",
          pod: podConfig(),
          container,
          launch: (launch) => world.tools.hypervisor.launch(launch),
          streams: { interactive: false, terminal: false },
          signal: FOREVER,
        }),
      ),
    (when) => {
      assertEquals(sharing, 0, `it still shares ${when}`);
      world.assertNothingLeft(when);
    },
  );
  // Once when only its end went wrong, once when nothing did.
  assertEquals(codes, [3, 3]);
  world.assertNothingLeft("at the end");
});

test("a pod is stopped whatever its guest refuses, or whichever of its parts is dead", async () => {
  await using world = new World();
  for (const part of ["guest", "proxy", "vm"] as const) {
    await podWithOther(world);
    const { pod } = await loadPod(world.store, "p");
    if (part === "guest") {
      world.failOn(DESTROYPOD);
      await stopPod(world.tools, "p");
      assert(world.settle(), "the guest was not asked");
    } else {
      const { pid } = part === "vm" ? pod.vm!.process : pod.proxy!.process!;
      signalProcess(pid, 9);
      while (isAlive(part === "vm" ? pod.vm!.process : pod.proxy!.process!)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    assertEquals((await loadPod(world.store, "p")).pod.state, "stopped");
    await removePod(world.tools, "p", true);
    world.assertNothingLeft(`after the ${part} failed`);
  }
});

test("a proxy that is not there or ends at once, a network that is not there, and a VM that ends while it boots, leave nothing", async () => {
  await using world = new World();
  const { kinds } = podConfig();
  for (const path of ["/nowhere", "/bin/true"]) {
    const proxy = { kind: "cc-proxy" as const, path };
    const config = podConfig({ kinds: { ...BUILTIN_KINDS, ...kinds, proxy } });
    await assertRejects(() => createPod(world.tools, "p", config, FOREVER));
    world.assertNothingLeft(`after the proxy ${path}`);
  }
  const nowhere = { kind: "netns", path: "/nowhere", model: "tcfilter" } as const;
  await assertRejects(() => createPod(world.tools, "p", podConfig({ network: nowhere }), FOREVER));
  world.assertNothingLeft("after the network");
  const { launch } = world.tools.hypervisor;
  world.tools.hypervisor.launch = async function (options) {
    const vm = await launch.call(this, options);
    signalProcess(vm.process.pid, 9);
    return vm;
  };
  await assertRejects(() => createPod(world.tools, "p", podConfig(), FOREVER));
  world.assertNothingLeft("after the VM's end");
});

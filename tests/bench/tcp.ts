/** How quickly a guest sends over TCP to its host: a pod's, and that of a plain QEMU with the same device. */
import { join } from "@std/path";
import { collectModules } from "../../lib/guest/image/guest_modules.ts";
import { packCpio } from "../../lib/guest/image/cpio.ts";
import { findKernel } from "../../lib/guest/image/mod.ts";
import { findArchitecture, kernelCommandLine } from "../../lib/hypervisor/qemu/architecture.ts";
import { findQemu } from "../../lib/hypervisor/mod.ts";
import {
  addAddress,
  addLink,
  createNamespace,
  deleteNamespace,
  getLink,
  NetlinkSocket,
  openNamespace,
  setLink,
} from "../../lib/network/mod.ts";
import {
  AF_INET,
  bindSocket,
  blockingSyscall,
  Fd,
  identifyProcess,
  killProcess,
  openSocketIn,
  openTap,
  spawn,
  SYS,
  syscall,
} from "../../lib/sys/mod.ts";
import type { Place } from "./podvisor.ts";
import { median, type Row } from "./row.ts";

const ROUNDS = 7, TURNS = 2, PORT = 5000;
/**
 * What is sent before anything is timed, in MiB: until then code is translated, and a pod is at work on the start of the
 * next container.
 */
const LEAD = 128;
/** What each of two senders sends at its turn, in MiB: first what filled the buffers while it had to wait, untimed. */
const FILLED = 40, PIECE = 256;
const HOST = "10.7.0.1", GUEST = "10.7.0.2", MAC = "02:00:00:00:07:02";
const SOCK_STREAM = 1, BUFFER = 256 * 1024;
const MEMORY = new Uint8Array(BUFFER);
/** What a guest runs: nc itself would copy a KiB at a time. It goes on until nobody takes what it sends. */
const SEND = `nc ${HOST} ${PORT} -e dd if=/dev/zero bs=64k`;

/**
 * A plain machine: the same as a pod's, to which processors and memory can be added, or one that stays as it is. For the
 * former QEMU translates each locked instruction in such a way that other processors may run beside it, though there is
 * one alone.
 */
const MACHINES = {
  growing: ["-m", "512M,slots=8,maxmem=8G", "-smp", "1,maxcpus=8"],
  fixed: ["-m", "512M"],
};

/** A guest that sends for as long as it is there, and this end of its connection. */
interface Sender extends AsyncDisposable {
  connection: Fd;
}

interface Compared {
  /** A plain machine's MiB per second divided by a pod's. */
  ratio: number;
  /** MiB per second. */
  pod: number;
}

/** A pod against the plain machine that is like it. */
export async function measureTcp(place: Place): Promise<Row[]> {
  const initrd = await writeSender(place.directory);
  const growing = await compare(place, initrd, "growing", []);
  const fixed = await compare(place, initrd, "fixed", ["--max-cpus", "1"]);
  return [
    {
      name: "TCP guest → host: plain QEMU with the same machine and device ÷ pod",
      value: growing.ratio,
      unit: "",
      budget: 1.05,
    },
    {
      name: "the same, both with one processor that is all that there can be",
      value: fixed.ratio,
      unit: "",
      budget: 1.05,
    },
    { name: "TCP guest → host from a pod", value: growing.pod, unit: "MiB/s" },
    {
      name: "the same, from a pod that cannot grow",
      value: fixed.pod,
      unit: "MiB/s",
    },
  ];
}

/**
 * Both are there at once and send in turn: the one that nobody takes from waits. So this machine is as quick for the one
 * as for the other, which it is not from one minute to the next. In each round they are new ones: by how a process
 * happens to lie in this machine's memory, the same instructions take it a tenth more or less.
 *
 * @param size options that say what the pod's machine is like
 */
async function compare(
  place: Place,
  initrd: string,
  kind: keyof typeof MACHINES,
  size: readonly string[],
): Promise<Compared> {
  const ratios: number[] = [];
  let taken = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await using plain = await startPlain(place, initrd, kind);
    await using pod = await startPod(place, size);
    for (const { connection } of [plain, pod]) await takeFrom(connection, LEAD);
    let plainly = 0, ours = 0;
    for (let turn = 0; turn < TURNS; turn++) {
      plainly += await secondsOf(plain);
      ours += await secondsOf(pod);
    }
    ratios.push(ours / plainly);
    taken += ours;
  }
  return { ratio: median(ratios), pod: ROUNDS * TURNS * PIECE / taken };
}

/** How long a sender takes at its turn. */
async function secondsOf({ connection }: Sender): Promise<number> {
  await takeFrom(connection, FILLED);
  const start = performance.now();
  await takeFrom(connection, PIECE);
  return (performance.now() - start) / 1000;
}

/** A pod in a namespace with one end of a pair of links; the host is at the other. */
async function startPod(place: Place, size: readonly string[]): Promise<Sender> {
  await using undo = new AsyncDisposableStack();
  const pod = makeNamespace(undo, place, "pod"), host = makeNamespace(undo, place, "host");
  using inPod = NetlinkSocket.open(pod.namespace), inHost = NetlinkSocket.open(host.namespace);
  const peer = { name: "peer", namespace: host.namespace };
  addLink(inPod, { kind: "veth", name: "eth0", mac: MAC, peer });
  for (const [socket, name, address] of [[inPod, "eth0", GUEST], [inHost, "peer", HOST]] as const) {
    setLink(socket, getLink(socket, name), { up: true });
    addAddress(socket, getLink(socket, name), { address, prefixLength: 24 });
  }
  const listener = undo.use(listen(host.namespace));
  const network = ["--network", `netns:${pod.path}`];
  const command = ["busybox", "sh", "-c", `echo sending; ${SEND} 2>/dev/null; true`];
  const started = await place.start(["run", ...network, ...size, ...command]);
  undo.defer(() => started.finish());
  const connection = undo.use(await accept(listener));
  return { connection, [Symbol.asyncDispose]: disposalOf(undo) };
}

/** A guest of its own that does nothing else, its device on a tap that has the host's address. */
async function startPlain(
  place: Place,
  initrd: string,
  kind: keyof typeof MACHINES,
): Promise<Sender> {
  await using undo = new AsyncDisposableStack();
  const { namespace } = makeNamespace(undo, place, "plain-network");
  using socket = NetlinkSocket.open(namespace);
  const [tap] = openTap(namespace, { name: "tap0", queues: 1, vnetHeader: true });
  undo.use(tap!);
  setLink(socket, getLink(socket, "tap0"), { up: true });
  addAddress(socket, getLink(socket, "tap0"), { address: HOST, prefixLength: 24 });
  const listener = undo.use(listen(namespace));
  const { machine, cpu } = findArchitecture(Deno.build.arch);
  const pid = spawn({
    command: [
      findQemu(),
      ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
      ...["-machine", machine, "-accel", "tcg", "-cpu", cpu.tcg],
      ...MACHINES[kind],
      ...["-kernel", place.kernel(), "-initrd", initrd],
      ...["-append", kernelCommandLine(Deno.build.arch, "tcg", 1)],
      ...["-netdev", "tap,id=net,fd=3"],
      ...["-device", `virtio-net-pci,netdev=net,mac=${MAC},host_mtu=1500,romfile=`],
    ],
    descriptors: [null, null, null, tap!.number],
    dieWithParent: true,
  });
  const process = identifyProcess(pid) ?? null;
  undo.defer(() => killProcess(process));
  const connection = undo.use(await accept(listener));
  return { connection, [Symbol.asyncDispose]: disposalOf(undo) };
}

/** What undoes all that has been done so far, when it is wanted no more. */
function disposalOf(undo: AsyncDisposableStack): () => Promise<void> {
  const moved = undo.move();
  return () => moved.disposeAsync();
}

/** An archive with an init that sends, and what it needs of the kernel. */
async function writeSender(directory: string): Promise<string> {
  const { boot, loadable, index } = await collectModules(findKernel());
  const modules = [
    ...boot.map(({ data }, at) => ({ path: `boot${at}.ko`, data })),
    ...loadable.filter(({ path }) => index.net!.includes(path)).map(({ data }, at) => ({
      path: `net${at}.ko`,
      data,
    })),
  ];
  const loads = modules.map(({ path }) => `insmod /${path}`).join("\n");
  const busybox = await Deno.readFile("/bin/busybox");
  const applets = ["sh", "insmod", "ip", "dd", "nc", "sleep"];
  const network = `ip link set eth0 up; ip addr add ${GUEST}/24 dev eth0`;
  const init = `#!/bin/sh\n${loads}\n${network}\n${SEND}\nsleep 1000\n`;
  const path = join(directory, "sender.cpio");
  const archive = packCpio([
    { kind: "directory", path: "bin" },
    { kind: "directory", path: "dev" },
    { kind: "character", path: "dev/console", major: 5, minor: 1 },
    { kind: "character", path: "dev/zero", major: 1, minor: 5 },
    { kind: "character", path: "dev/null", major: 1, minor: 3 },
    { kind: "file", path: "bin/busybox", mode: 0o755, data: busybox },
    ...applets.map((name) => ({
      kind: "symlink" as const,
      path: `bin/${name}`,
      target: "busybox",
    })),
    ...modules.map((each) => ({ kind: "file" as const, ...each })),
    { kind: "file", path: "init", mode: 0o755, data: new TextEncoder().encode(init) },
  ]);
  await Deno.writeFile(path, archive);
  return path;
}

function makeNamespace(stack: AsyncDisposableStack, place: Place, name: string) {
  const path = join(place.directory, name);
  createNamespace(path);
  stack.defer(() => deleteNamespace(path));
  return { path, namespace: stack.use(openNamespace(path)) };
}

function listen(namespace: Fd): Fd {
  const socket = openSocketIn(namespace, AF_INET, SOCK_STREAM);
  // struct sockaddr_in: u16 family, u16 port (big endian), u32 address, padding.
  const address = new DataView(new ArrayBuffer(16));
  address.setUint16(0, AF_INET, true);
  address.setUint16(2, PORT);
  bindSocket(socket, new Uint8Array(address.buffer));
  syscall("listen", "a socket", SYS.listen, socket.number, 1);
  return socket;
}

async function accept({ number }: Fd): Promise<Fd> {
  return new Fd(await blockingSyscall("accept4", "a socket", SYS.accept4, number, 0, 0, 0));
}

async function takeFrom({ number }: Fd, mebibytes: number): Promise<void> {
  for (let left = mebibytes * 2 ** 20; left > 0;) {
    const most = Math.min(left, BUFFER);
    const count = await blockingSyscall(
      "recvfrom",
      "a connection",
      SYS.recvfrom,
      number,
      MEMORY,
      most,
      0,
      0,
      0,
    );
    if (count === 0) throw new Error(`Cannot measure: the guest ended ${left} bytes too early`);
    left -= count;
  }
}

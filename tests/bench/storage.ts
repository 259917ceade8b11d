import { basename, fromFileUrl, join } from "@std/path";
import type { Place } from "./podvisor.ts";
import type { Row } from "./row.ts";

const WORK = fromFileUrl(new URL("storage_work.pl", import.meta.url));
/** Size of the files that are read, as the program has it. */
const LARGE = 48 << 20;
const IMAGE_SIZE = 256 << 20;
const TOOLS = "t", DATA = "data";

/** What the program does, by the names it prints. */
const KINDS: Readonly<Record<string, string>> = {
  write: "writing 48 MiB, synced",
  read: "reading 48 MiB",
  random: "2000 random reads of 4 KiB",
  small: "400 files of 4 KiB made, read, removed",
};

type Seconds = Readonly<Record<string, number>>;

/** How long reading and writing take over each way to share files with a VM, against the same program on the host. */
export async function measureStorage(place: Place): Promise<Row[]> {
  const tree = join(place.directory, "storage");
  await fillTools(join(tree, TOOLS));
  const program = (top: string) => [
    join(top, "ld.so"),
    "--library-path",
    top,
    join(top, "perl"),
    join(top, "work.pl"),
  ];
  const measured: Record<string, Seconds> = {};
  const data = await freshData(tree);
  const host = await run([...program(join(tree, TOOLS)), data]);
  for (const share of ["9p", "virtiofs"]) {
    const data = await freshData(tree);
    const volumes = ["-v", `${join(tree, TOOLS)}:/${TOOLS}`, "-v", `${data}:/${DATA}`];
    const options = ["--share", share, ...volumes, "busybox"];
    measured[share] = await inVm(place, options, [...program(`/${TOOLS}`), `/${DATA}`]);
  }
  const image = join(place.directory, "storage.img");
  for (const driver of ["virtio-scsi", "virtio-blk"]) {
    await freshData(tree);
    await makeImage(tree, image);
    const options = ["--block-driver", driver, image];
    measured[driver] = await inVm(place, options, [...program(`/${TOOLS}`), `/${DATA}`]);
  }
  await Deno.remove(image);
  await Deno.remove(tree, { recursive: true });
  return Object.entries(measured).flatMap(([way, seconds]) =>
    Object.entries(KINDS).map(([kind, what]) => ({
      name: `${what}: ${way} ÷ host`,
      value: seconds[kind]! / host[kind]!,
      unit: "",
    }))
  );
}

async function inVm(place: Place, options: string[], command: string[]): Promise<Seconds> {
  return await run([place.binary, "run", ...options, ...command], place.env());
}

async function run(command: string[], env: Record<string, string> = {}): Promise<Seconds> {
  const [program, ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program!, { args, env }).output();
  const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`Cannot measure with ${command.join(" ")}: ${errors}`);
  return Object.fromEntries(
    text!.trim().split("\n").map((line) => line.split("=")).map(([name, value]) =>
      [name!, Number(value)] as const
    ),
  );
}

/** Perl with its loader and libraries: every Debian has it, and it reads and writes without starting programs. */
async function fillTools(directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  const { stdout } = await new Deno.Command("ldd", { args: ["/usr/bin/perl"] }).output();
  for (const [path] of new TextDecoder().decode(stdout).matchAll(/\/\S+/g)) {
    const name = basename(path).startsWith("ld-linux") ? "ld.so" : basename(path);
    await Deno.copyFile(path, join(directory, name));
  }
  await Deno.copyFile("/usr/bin/perl", join(directory, "perl"));
  await Deno.copyFile(WORK, join(directory, "work.pl"));
}

async function freshData(tree: string): Promise<string> {
  const data = join(tree, DATA);
  await Deno.mkdir(data, { recursive: true });
  for await (const { name } of Deno.readDir(data)) await Deno.remove(join(data, name));
  for (const name of ["sequential", "random"]) {
    await Deno.writeFile(join(data, name), new Uint8Array(LARGE).fill(65));
  }
  return data;
}

async function makeImage(tree: string, path: string): Promise<void> {
  for (const name of ["proc", "dev", "sys", "etc"]) {
    await Deno.mkdir(join(tree, name), { recursive: true });
  }
  const image = await Deno.create(path);
  await image.truncate(IMAGE_SIZE);
  image.close();
  const { success } = await new Deno.Command("mkfs.ext4", {
    args: ["-q", "-F", "-d", tree, path],
  }).output();
  if (!success) throw new Error(`Cannot make ${path}: mkfs.ext4 failed`);
}

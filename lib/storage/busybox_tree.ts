import { Failure } from "../failure.ts";

/** What the built-in root file system has at a path; `program` is busybox itself. */
export type BusyboxEntry =
  & { path: string }
  & (
    | { kind: "directory"; mode: number }
    | { kind: "file"; text: string }
    | { kind: "link"; target: string }
    | { kind: "program" }
  );

const PROGRAM = "bin/busybox";

const DIRECTORIES = [
  "bin",
  "dev",
  "etc",
  "home",
  "mnt",
  "proc",
  "root",
  "run",
  "sys",
  "tmp",
  "usr",
  "var",
];

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
  "etc/resolv.conf": "",
  "etc/hostname": "",
};

/**
 * The built-in root file system: a busybox with a link for each of its programs. Directories come before what is in
 * them.
 *
 * @param programs paths of the programs, as {@linkcode busyboxPrograms} tells them
 */
export function busyboxTree(programs: readonly string[]): BusyboxEntry[] {
  const links = programs.filter((path) => path !== PROGRAM);
  const above = links.map((path) => path.slice(0, path.lastIndexOf("/")));
  const directories = [...new Set([...DIRECTORIES, ...above])];
  return [
    ...directories.map((path): BusyboxEntry => {
      return { path, kind: "directory", mode: path === "tmp" ? 0o1777 : 0o755 };
    }),
    { path: PROGRAM, kind: "program" },
    ...Object.entries(FILES).map(([path, text]): BusyboxEntry => ({ path, kind: "file", text })),
    ...links.map((path): BusyboxEntry => ({ path, kind: "link", target: `/${PROGRAM}` })),
  ];
}

/**
 * Where the programs of a busybox are, below the root.
 *
 * @param busybox path of a static busybox
 * @throws {Failure} when it cannot say what it contains
 */
export async function busyboxPrograms(busybox: string): Promise<string[]> {
  const { success, stdout } = await new Deno.Command(busybox, {
    args: ["--list-full"],
    stdin: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Failure(`Cannot build the busybox root: ${busybox} --list-full failed`);
  return new TextDecoder().decode(stdout).split("\n").filter((path) => path !== "");
}

import { assertEquals } from "@std/assert";
import { FileTree } from "../../../lib/guest/image/file_tree.ts";
import { busyboxTree } from "../../../lib/storage/mod.ts";

Deno.test("the built-in root has a link for each program, below directories that come before it", () => {
  const tree = busyboxTree(["bin/busybox", "bin/ls", "usr/sbin/httpd"]);
  const paths = tree.map(({ path }) => path);
  assertEquals(new Set(paths).size, paths.length);
  for (const { path } of tree) {
    const above = path.slice(0, path.lastIndexOf("/"));
    if (path.includes("/")) assertEquals(paths.indexOf(above) < paths.indexOf(path), true, path);
  }
  assertEquals(tree.filter(({ kind }) => kind === "link").map(({ path }) => path), [
    "bin/ls",
    "usr/sbin/httpd",
  ]);
  assertEquals(tree.find(({ path }) => path === "tmp"), {
    path: "tmp",
    kind: "directory",
    mode: 0o1777,
  });
});

Deno.test("links and permissions of directories are in the guest's tree", () => {
  const tree = new FileTree();
  tree.directory("/root/tmp", 0o1777);
  tree.link("/root/bin/ls", "/bin/busybox");
  const root = tree.directory("/root");
  assertEquals(root.entries.get("tmp"), { kind: "directory", entries: new Map(), mode: 0o1777 });
  assertEquals(tree.directory("/root/bin").entries.get("ls"), {
    kind: "symlink",
    target: "/bin/busybox",
  });
});

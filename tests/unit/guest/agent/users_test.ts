import { assertEquals, assertThrows } from "@std/assert";
import { lookUpIdentity } from "../../../../lib/guest/agent/users.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
bob:x:1000:100:Bob:/home/bob:/bin/sh
1234:x:55:56::/numbers:
broken line
half:x:nonsense:1:::
nohome:x:7:7
`;
const GROUP = `root:x:0:
wheel:x:10:root,bob
users:x:100:
audio:x:29:bob
2000:x:66:
`;

const look = (user: string, group = "", additionalGroups: string[] = []) =>
  lookUpIdentity({ user, group, additionalGroups }, PASSWD, () => GROUP);

Deno.test("nobody in particular is root, with root's home and groups", () => {
  assertEquals(look(""), { uid: 0, gid: 0, groups: [10], home: "/root" });
});

Deno.test("a user's name brings number, group, home and memberships", () => {
  assertEquals(look("bob"), { uid: 1000, gid: 100, groups: [10, 29], home: "/home/bob" });
  assertEquals(look("1000"), look("bob"));
});

Deno.test("the file of groups is read only when it counts, and once", () => {
  let reads = 0;
  const group = () => (reads++, GROUP);
  const wanted = { user: "", group: "", additionalGroups: [] };
  assertEquals(lookUpIdentity(wanted, "", group).groups, []);
  assertEquals(reads, 0);
  lookUpIdentity({ ...wanted, additionalGroups: ["audio"] }, PASSWD, group);
  assertEquals(reads, 1);
});

Deno.test("a name that looks like a number is a name first", () => {
  assertEquals(look("1234").uid, 55);
  assertEquals(look("bob", "2000").gid, 66);
});

Deno.test("a number need not be listed", () => {
  assertEquals(look("4711"), { uid: 4711, gid: 0, groups: [], home: "/" });
  assertEquals(lookUpIdentity({ user: "3", group: "4", additionalGroups: ["5"] }, "", () => ""), {
    uid: 3,
    gid: 4,
    groups: [5],
    home: "/",
  });
});

Deno.test("a group that was asked for replaces the memberships, further groups are added", () => {
  assertEquals(look("bob", "wheel").gid, 10);
  assertEquals(look("bob", "wheel").groups, []);
  assertEquals(look("bob", "", ["audio", "77"]).groups, [10, 29, 77]);
});

Deno.test("a user without a home has the root directory", () => {
  assertEquals(look("nohome").home, "/");
});

Deno.test("unlisted names and impossible numbers are refused by name", () => {
  const refused = (act: () => unknown, text: string) => assertThrows(act, Error, text);
  refused(() => look("eve"), "unable to find user eve: no matching entries in passwd file");
  refused(() => look("half"), "unable to find user half");
  refused(() => look("-1"), "unable to find user -1");
  refused(() => look("4294967295"), "unable to find user 4294967295");
  refused(() => look("bob", "nogroup"), "unable to find group nogroup");
  refused(() => look("bob", "", ["nogroup"]), "unable to find group nogroup");
});

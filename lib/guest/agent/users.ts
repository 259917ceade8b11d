import { Refusal } from "./runtime.ts";

/** Who a process runs as. */
export interface Identity {
  uid: number;
  gid: number;
  /** Supplementary groups. */
  groups: number[];
  home: string;
}

/** Who is asked for: names or decimal numbers. */
export interface WantedIdentity {
  /** Empty: root. */
  user: string;
  /** Empty: the user's. */
  group: string;
  additionalGroups: readonly string[];
}

const HIGHEST_ID = 0xfffffffe;

/**
 * Looks a user and groups up in a container's own files, as container runtimes do: a name wins over a number, a number
 * need not be listed, and the groups that list the user count when no group is asked for.
 *
 * @param passwd text of /etc/passwd, empty where there is none
 * @param readGroup gives the text of /etc/group, empty where there is none: most processes do without it
 * @throws {Refusal} for a name that is not listed
 */
export function lookUpIdentity(
  wanted: WantedIdentity,
  passwd: string,
  readGroup: () => string,
): Identity {
  let text: string | undefined;
  const group = () => text ??= readGroup();
  const user = wanted.user === "" ? "0" : wanted.user;
  const account = find(passwd, user);
  const uid = account ? numberIn(account[2]) : numberIn(user);
  if (uid === undefined) throw unknown("user", user, "passwd");
  const own = numberIn(account?.[3]) ?? 0;
  const gid = wanted.group === "" ? own : groupId(wanted.group, group);
  const listed = account && wanted.group === "" ? memberships(account[0]!, group()) : [];
  const added = wanted.additionalGroups.map((each) => groupId(each, group));
  return {
    uid,
    gid,
    groups: [...new Set([...listed, ...added])],
    home: account?.[5] || "/",
  };
}

function groupId(wanted: string, group: () => string): number {
  const gid = numberIn(find(group(), wanted)?.[2]) ?? numberIn(wanted);
  if (gid === undefined) throw unknown("group", wanted, "group");
  return gid;
}

function memberships(user: string, group: string): number[] {
  const ids: number[] = [];
  for (const [, , id, members = ""] of lines(group)) {
    const gid = numberIn(id);
    if (gid !== undefined && members.split(",").includes(user)) ids.push(gid);
  }
  return ids;
}

/** The entry with this name, or else with this number. */
function find(text: string, wanted: string): string[] | undefined {
  const entries = lines(text);
  return entries.find(([name]) => name === wanted) ??
    entries.find(([, , id]) => id === wanted);
}

/** Fields of the lines that are well-formed. */
function lines(text: string): string[][] {
  return text.split("\n").map((line) => line.trim().split(":")).filter((fields) =>
    fields.length >= 3 && fields[0] !== "" && numberIn(fields[2]) !== undefined
  );
}

/** Without regular expressions: their first use costs tens of milliseconds in an emulated machine. */
function numberIn(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  let number = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number <= HIGHEST_ID ? number : undefined;
}

function unknown(kind: string, name: string, file: string): Refusal {
  return new Refusal(
    `Process could not be started: unable to find ${kind} ${name}: no matching entries in ${file} file`,
  );
}

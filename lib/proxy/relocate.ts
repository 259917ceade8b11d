import { Fields } from "../hyperstart/mod.ts";
import { type JsonMember, jsonMembers } from "./json_members.ts";

/** A newcontainer or execcmd message whose process has got its sequences. */
export interface RelocatedMessage {
  /** The message as it goes to the guest. */
  text: string;
  /** `id` of a newcontainer, `container` of an execcmd. */
  container: string;
  /** C hyperstart's name of the process. */
  processId: string;
}

/**
 * Gives the process of a message its stream sequences: `base` for stdio and, without a terminal, `base + 1` for
 * stderr. Nothing else in the text changes (cc-proxy-protocol 4.4).
 *
 * @param text valid JSON
 * @param credit bytes of output that the process may send on each sequence; 0: the guest knows no such limit
 * @throws {Error} when the message has no process, or one with sequences already
 */
export function relocateProcess(
  text: string,
  name: "newcontainer" | "execcmd",
  base: number,
  credit = 0,
): RelocatedMessage {
  const message = new Fields(JSON.parse(text), name);
  if (!message.has("process")) {
    throw new Error(`Cannot read ${name}: key "process" is missing`);
  }
  const { terminal, processId } = message.object("process", (process) => {
    const stdio = process.integer("stdio");
    if (stdio !== 0) throw new Error(`expected process.Stdio to be 0, got ${stdio}`);
    const stderr = process.integer("stderr");
    if (stderr !== 0) throw new Error(`expected process.Stderr to be 0, got ${stderr}`);
    return { terminal: process.boolean("terminal"), processId: process.string("id") };
  });
  // First, since C hyperstart's parser stops at keys that it does not know.
  const limit = credit > 0 ? `,"outputCredit":${credit}` : "";
  const sequences = `"stdio":${base}` + (terminal ? "" : `,"stderr":${base + 1}`) + limit;
  const edited = replaceMembers(text, ["process"], (value) => {
    const rest = replaceMembers(value, ["stdio", "stderr", "outputCredit"], () => undefined);
    const open = rest.indexOf("{") + 1;
    const comma = jsonMembers(rest).length > 0 ? "," : "";
    return rest.slice(0, open) + sequences + comma + rest.slice(open);
  });
  return {
    text: edited,
    container: message.string(name === "newcontainer" ? "id" : "container"),
    processId,
  };
}

/** Replaces the values of some keys, in any case, or takes these members out where `replace` gives undefined. */
function replaceMembers(
  text: string,
  keys: readonly string[],
  replace: (value: string) => string | undefined,
): string {
  const wanted = (member: JsonMember) => keys.includes(member.key.toLowerCase());
  const members = jsonMembers(text);
  if (!members.some(wanted)) return text;
  const kept = members.map((member) => {
    const value = text.slice(member.start, member.end);
    const result = wanted(member) ? replace(value) : value;
    return result === undefined ? [] : [`${JSON.stringify(member.key)}:${result}`];
  });
  return `{${kept.flat().join(",")}}`;
}

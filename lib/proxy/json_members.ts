/** Where a member of a JSON object stands in the text. */
export interface JsonMember {
  key: string;
  /** First character of the value. */
  start: number;
  /** Behind the value's last character. */
  end: number;
}

/**
 * The members of the object that starts at `start` in a text that is known to be valid JSON. It serves to edit a
 * message and leave every other byte as it was, big numbers and unknown keys included.
 */
export function jsonMembers(text: string, start = skipSpace(text, 0)): JsonMember[] {
  const members: JsonMember[] = [];
  if (text[start] !== "{") return members;
  let at = skipSpace(text, start + 1);
  while (text[at] === '"') {
    const keyEnd = skipValue(text, at);
    const key: string = JSON.parse(text.slice(at, keyEnd));
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = skipValue(text, valueStart);
    members.push({ key, start: valueStart, end: valueEnd });
    at = skipSpace(text, valueEnd);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text: string, at: number): number {
  while (text[at] === " " || text[at] === "\n" || text[at] === "\t" || text[at] === "\r") at++;
  return at;
}

/** Behind the value that starts at `at`. */
function skipValue(text: string, at: number): number {
  for (let depth = 0; at < text.length;) {
    const char = text[at]!;
    if (char === '"') at = skipString(text, at);
    else if (char === "{" || char === "[") depth++, at++;
    else if (char === "}" || char === "]") depth--, at++;
    else if (depth > 0) at++;
    else return skipPlain(text, at);
    if (depth === 0) return at;
  }
  return at;
}

function skipString(text: string, at: number): number {
  for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
  return at + 1;
}

/** Behind a number, true, false or null. */
function skipPlain(text: string, at: number): number {
  while (at < text.length && !" \n\t\r,]}".includes(text[at]!)) at++;
  return at;
}

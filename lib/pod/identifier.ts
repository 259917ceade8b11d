import { Failure } from "../failure.ts";

/** Longest name of a pod or container, in bytes: sockets are named after it. */
export const MAX_NAME = 64;

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/;
const ADJECTIVES =
  "able bold calm deft even fair glad hale keen lean mild neat open pale real sane tidy vast warm";
const NOUNS =
  "ant bee cod doe elk fox gnu hen ibis jay kid lark mole newt owl pike quail ram seal tern wren yak";

/**
 * Refuses a name that could leave the directory it becomes a part of, or that a socket address could not hold.
 *
 * @param kind `pod` or `container`
 * @throws {Failure}
 */
export function checkName(kind: "pod" | "container", name: string): string {
  const problem = name === ""
    ? "it is empty"
    : name.length > MAX_NAME
    ? `it is longer than ${MAX_NAME} characters`
    : !NAME.test(name)
    ? "letters, digits and _ . + - are allowed, with a letter or digit first"
    : undefined;
  if (problem === undefined) return name;
  throw new Failure(`Cannot use ${JSON.stringify(name)} as a ${kind} name: ${problem}`);
}

/** A name that people can read out, made unlikely to meet another by its random end. */
export function makeName(): string {
  const random = crypto.getRandomValues(new Uint32Array(3));
  const pick = (words: string, at: number) => {
    const list = words.split(" ");
    return list[random[at]! % list.length]!;
  };
  return `${pick(ADJECTIVES, 0)}-${pick(NOUNS, 1)}-${random[2]!.toString(36).slice(0, 4)}`;
}

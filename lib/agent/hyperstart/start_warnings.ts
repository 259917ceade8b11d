import { Fields, MessageError } from "../../hyperstart/mod.ts";

/** What a guest may have to tell about one container, and how much of it is passed on. */
const MOST_WARNINGS = 20, LONGEST_WARNING = 500;

/**
 * What the built-in guest answers to NEWCONTAINER when something of it cannot be had: `{"warnings": […]}`. Other guests
 * answer nothing.
 */
export function startWarnings(answer: Uint8Array): string[] {
  if (answer.length === 0) return [];
  try {
    return Fields.parse(answer, "the answer to newcontainer").strings("warnings")
      .slice(0, MOST_WARNINGS)
      .map((each) => each.slice(0, LONGEST_WARNING));
  } catch (error) {
    if (error instanceof MessageError) return [];
    throw error;
  }
}

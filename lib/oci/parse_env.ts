/** Splits `NAME=VALUE` at its first equals sign; the value may hold more. */
export function parseEnv(text: string): { env: string; value: string } {
  const at = text.indexOf("=");
  return at < 0 ? { env: text, value: "" } : { env: text.slice(0, at), value: text.slice(at + 1) };
}

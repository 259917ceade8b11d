const TOKEN_BYTES = 32;

/** A new token: 32 random bytes in URL-safe base64 with padding, 44 characters. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/** Whether `text` is URL-safe base64, which every token is. */
export function isToken(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9_-]+={0,2}$/.test(text);
}

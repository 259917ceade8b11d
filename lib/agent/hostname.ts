/** Longest host name that the kernel takes (linux/utsname.h), in bytes. */
export const MAX_HOSTNAME = 64;

/** Cuts a host name to what the kernel takes, between two characters. */
export function cutHostname(name: string): string {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MAX_HOSTNAME) return name;
  let end = MAX_HOSTNAME;
  // 10xxxxxx continues a character of UTF-8.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

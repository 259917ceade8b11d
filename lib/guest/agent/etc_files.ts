import type { PodSpec } from "./runtime.ts";

/** The last of the characters that end a word in ASCII, but for one. */
const SPACE = 32, DELETE = 127;

/** Files of /etc that a pod brings to its containers. */
export interface EtcFile {
  name: string;
  text: string;
  /** Whether it is made where an image does not have it; otherwise it only replaces. */
  needed: boolean;
}

/** The files for a pod: name servers and host name where it has them. */
export function etcFiles(pod: PodSpec): EtcFile[] {
  const { hostname, dns, dnsSearch, dnsOptions } = pod;
  const files: EtcFile[] = [];
  if (dns.length + dnsSearch.length > 0) {
    const lines = dns.map((each) => `nameserver ${word(each)}`);
    if (dnsSearch.length > 0) lines.push(`search ${dnsSearch.map(word).join(" ")}`);
    if (dnsOptions.length > 0) lines.push(`options ${dnsOptions.map(word).join(" ")}`);
    files.push({ name: "resolv.conf", text: lines.join("\n") + "\n", needed: true });
  }
  if (hostname !== "") {
    files.push({ name: "hostname", text: `${word(hostname)}\n`, needed: false });
    files.push({ name: "hosts", text: hosts(word(hostname), pod), needed: false });
  }
  return files;
}

/** The pod is known by its name under all its addresses, or under that of this machine where it has none. */
function hosts(name: string, { interfaces }: PodSpec): string {
  const addresses = interfaces.flatMap((each) => each.ipAddresses.map((ip) => ip.ipAddress));
  const own = addresses.filter((each) => each !== "").map((each) => `${word(each)} ${name}\n`);
  const local = own.length === 0 ? `127.0.0.1 localhost ${name}\n` : "127.0.0.1 localhost\n";
  return `${local}::1 localhost ip6-localhost\n${own.join("")}`;
}

/**
 * What is to be one word of a line, without what would end it. No regular expression: a restored machine would have to
 * compile it.
 */
function word(text: string): string {
  let clean = "";
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > SPACE && code !== DELETE) continue;
    clean += text.substring(start, at);
    start = at + 1;
  }
  return start === 0 ? text : clean + text.substring(start);
}

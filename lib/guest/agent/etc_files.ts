import type { PodSpec } from "./runtime.ts";

/** Files of /etc that a pod brings to its containers. */
export interface EtcFile {
  name: string;
  text: string;
  /** Whether it is made where an image does not have it; otherwise it only replaces. */
  needed: boolean;
}

/** The files for a pod: name servers and host name where it has them. */
export function etcFiles({ hostname, dns, dnsSearch, dnsOptions }: PodSpec): EtcFile[] {
  const files: EtcFile[] = [];
  if (dns.length > 0) {
    const lines = dns.map((each) => `nameserver ${word(each)}`);
    if (dnsSearch.length > 0) lines.push(`search ${dnsSearch.map(word).join(" ")}`);
    if (dnsOptions.length > 0) lines.push(`options ${dnsOptions.map(word).join(" ")}`);
    files.push({ name: "resolv.conf", text: lines.join("\n") + "\n", needed: true });
  }
  if (hostname !== "") {
    const hosts = `127.0.0.1 localhost ${word(hostname)}\n::1 localhost ip6-localhost\n`;
    files.push({ name: "hostname", text: `${word(hostname)}\n`, needed: false });
    files.push({ name: "hosts", text: hosts, needed: false });
  }
  return files;
}

/** What is to be one word of a line, without what would end it. */
function word(text: string): string {
  return text.replace(/\s+/g, "");
}

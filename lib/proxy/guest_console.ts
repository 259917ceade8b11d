import { getLogger } from "../log.ts";

const log = getLogger("proxy", { source: "qemu" });
const READ_SIZE = 4096;
/** A longer line is logged in pieces. */
const LONGEST_LINE = 1024;

/** Logs what a VM writes to its console, line by line, until the connection ends. */
export async function logConsole(connection: Deno.UnixConn): Promise<void> {
  const buffer = new Uint8Array(READ_SIZE);
  const decoder = new TextDecoder();
  let line = "";
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      const lines = (line + decoder.decode(buffer.subarray(0, count), { stream: true })).split(
        "\n",
      );
      line = lines.pop() ?? "";
      while (line.length > LONGEST_LINE) {
        lines.push(line.slice(0, LONGEST_LINE));
        line = line.slice(LONGEST_LINE);
      }
      for (const each of lines) log.debug(each.trimEnd());
    }
  } catch {
    // The connection is closed when the VM is lost.
  }
  if (line !== "") log.debug(line);
}

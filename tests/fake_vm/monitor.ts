/** Speaks QMP on a connection: every command succeeds, `quit` calls `quit`. */
export async function serveMonitor(connection: Deno.Conn, quit: () => void): Promise<void> {
  const send = async (message: unknown) => {
    await connection.write(new TextEncoder().encode(`${JSON.stringify(message)}\r\n`));
  };
  await send({ QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 } }, capabilities: [] } });
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  for (let count; (count = await connection.read(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
      const { execute, id } = JSON.parse(text.slice(0, end));
      await send({ return: {}, id });
      if (execute === "quit") quit();
    }
  }
  connection.close();
}

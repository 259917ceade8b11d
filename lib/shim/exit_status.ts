/** Leaves an exit status in a file: the file is there with all of it, or not at all. */
export async function writeExit(file: string, code: number): Promise<void> {
  const temporary = `${file}.${Deno.pid}`;
  const status = { code, finished: new Date().toISOString() };
  await Deno.writeTextFile(temporary, `${JSON.stringify(status)}\n`, { mode: 0o600 });
  await Deno.rename(temporary, file);
}

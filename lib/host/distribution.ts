export type Distribution = "debian" | "ubuntu" | "other";

/** Which distribution this is, or is derived from: os-release(5). */
export async function findDistribution(): Promise<Distribution> {
  let text = "";
  try {
    text = await Deno.readTextFile("/etc/os-release");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const names = [...text.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)]
    .flatMap(([, value]) => value!.split(" "));
  if (names.includes("ubuntu")) return "ubuntu";
  return names.includes("debian") ? "debian" : "other";
}

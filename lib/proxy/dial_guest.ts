import { messageOf } from "../failure.ts";

/** Connects to one of a VM's sockets. Failures read as cc-proxy's do. */
export async function dialGuest(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (cause) {
    throw new Error(`dial unix ${path}: connect: ${reason(cause)}`, { cause });
  }
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or directory";
  if (error instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return messageOf(error);
}

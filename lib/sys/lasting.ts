/**
 * The environment of a process that lasts as long as a pod, made from this process's own: what its start has freed
 * goes back to the kernel. glibc would raise the bound for that with the largest block that was ever freed, unless it is
 * given one (mallopt(3), M_TRIM_THRESHOLD), and a megabyte that nobody uses would stay.
 */
export function lastingEnvironment(): Record<string, string> {
  return { MALLOC_TRIM_THRESHOLD_: String(128 * 1024), ...Deno.env.toObject() };
}

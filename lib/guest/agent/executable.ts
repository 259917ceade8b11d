/** Searched when the environment has no PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** More directories than anyone has, fewer than would keep the kernel busy. */
const MOST_DIRECTORIES = 64;

/**
 * Where the program named by `argv[0]` may be: itself when it has a slash, otherwise below each directory of PATH.
 *
 * @param env variables as `NAME=value`
 */
export function executableCandidates(name: string, env: readonly string[]): string[] {
  if (name.includes("/")) return [name];
  const path = env.findLast((each) => each.startsWith("PATH="))?.slice("PATH=".length) ??
    DEFAULT_PATH;
  const directories = path.split(":", MOST_DIRECTORIES);
  // An empty entry is the current directory: environ(7).
  return directories.map((each) => each === "" ? `./${name}` : `${each}/${name}`);
}

/**
 * The same without those at the beginning that are not there: each would be a start that fails, which takes the kernel
 * longer than a look.
 *
 * @param isThere looks where an absolute path leads
 */
export function fromFirstPresent(
  candidates: readonly string[],
  isThere: (path: string) => boolean,
): readonly string[] {
  const first = candidates.findIndex((each) => !each.startsWith("/") || isThere(each));
  return first > 0 ? candidates.slice(first) : candidates;
}

import { resolve } from "@std/path";
import type { Failure } from "../failure.ts";
import { getLogger } from "../log.ts";
import type { VolumeConfig } from "../pod/mod.ts";

/**
 * An overlay of directories of the host, which is mounted there and shared.
 *
 * @param options of the mount: `lowerdir=…`, `upperdir=…`, `workdir=…`
 */
export function overlayOf(
  destination: string,
  bundle: string,
  options: readonly string[],
  cannot: (why: string) => Failure,
): VolumeConfig {
  const values = new Map(options.map((option): [string, string] => {
    const at = option.indexOf("=");
    return at < 0 ? [option, ""] : [option.slice(0, at), option.slice(at + 1)];
  }));
  const take = (key: string) => {
    const value = values.get(key);
    values.delete(key);
    return value;
  };
  const [lower, upper, work] = [take("lowerdir"), take("upperdir"), take("workdir")];
  // A colon separates directories, unless a backslash is in front of it.
  const [source, ...below] = (lower ?? "").split(/(?<!\\):/)
    .filter((each) => each !== "")
    .map((each) => resolve(bundle, each.replace(/\\([\\:])/g, "$1")));
  if (source === undefined) throw cannot("an overlay needs a lowerdir");
  if ((upper === undefined) !== (work === undefined)) {
    throw cannot("an overlay needs both upperdir and workdir, or none of them");
  }
  if (values.size > 0) {
    getLogger("oci").warn("options of an overlay left out", {
      destination,
      options: [...values.keys()].join(),
    });
  }
  const changes = upper === undefined
    ? null
    : { upper: resolve(bundle, upper), work: resolve(bundle, work!) };
  return { source, destination, readOnly: changes === null, overlay: { below, changes } };
}

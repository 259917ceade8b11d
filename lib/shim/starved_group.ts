/**
 * The directory beside a container's control group whose processes may have no memory. It is there while watchers are told
 * of a kill, and after a shim that was killed meanwhile.
 */
export function starvedGroup(group: string): string {
  return `${group}-oom`;
}

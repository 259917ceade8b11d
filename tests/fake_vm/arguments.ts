/** What the stand-in takes from QEMU's arguments. */
export interface FakeDevices {
  control: string;
  stream: string;
  monitor: string;
  console: string;
  pidfile: string;
}

/** Reads the paths of character devices and of the pidfile. */
export function parseDevices(args: readonly string[]): FakeDevices {
  const paths = new Map<string, string>();
  let pidfile = "";
  args.forEach((option, index) => {
    const value = args[index + 1] ?? "";
    if (option === "-pidfile") pidfile = value;
    if (option !== "-chardev") return;
    const id = /\bid=([^,]+)/.exec(value)?.[1];
    const path = /\bpath=((?:[^,]|,,)+)/.exec(value)?.[1];
    if (id !== undefined && path !== undefined) paths.set(id, path.replaceAll(",,", ","));
  });
  const path = (id: string) => {
    const found = paths.get(id);
    if (found === undefined) throw new Error(`Cannot start: there is no character device ${id}`);
    return found;
  };
  return {
    control: path("charch0"),
    stream: path("charch1"),
    monitor: path("monitor"),
    console: path("console"),
    pidfile,
  };
}

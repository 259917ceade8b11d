import { join } from "@std/path";
import { Failure } from "../failure.ts";
import { namesIn, removeTree } from "../small_file.ts";
import { type Fd, lockFile, type LockKind, removeLockFile, tryLockFile } from "../sys/mod.ts";
import { checkName } from "./identifier.ts";
import { readRecord, writeRecord } from "./record_file.ts";
import type { ContainerRecord, PodRecord } from "./records.ts";

/** The files of one pod. */
export class PodDirectory {
  readonly path: string;

  constructor(readonly root: string, readonly id: string) {
    this.path = join(root, "pods", checkName("pod", id));
  }

  /** Everything that the guest can see of the host: exported to it. */
  get share(): string {
    return join(this.path, "shared");
  }

  get record(): string {
    return join(this.path, "pod.json");
  }

  /** Where the pod's own proxy takes connections. */
  get proxyUrl(): string {
    return `unix://${join(this.path, "proxy.sock")}`;
  }

  /** Directory of a container's record. */
  container(id: string): string {
    return join(this.path, "containers", checkName("container", id));
  }

  /** A path in the pod's directory. */
  file(name: string): string {
    return join(this.path, name);
  }
}

/** The pods on this host: one directory each, records written atomically, changes made under a lock. */
export class PodStore {
  /** @param root state directory: `Paths.state` */
  constructor(readonly root: string) {}

  /** The files of a pod, there or not. @throws {Failure} when `id` is no name for a pod */
  directory(id: string): PodDirectory {
    return new PodDirectory(this.root, id);
  }

  /**
   * Makes the directory of a new pod. The caller holds the pod's lock until it has written the record.
   *
   * @throws {Failure} when there is one of that name
   */
  async add(id: string): Promise<PodDirectory> {
    const directory = this.directory(id);
    Deno.mkdirSync(join(this.root, "pods"), { recursive: true, mode: 0o700 });
    try {
      Deno.mkdirSync(directory.path, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      throw new Failure(`Cannot make the pod ${id}: there is one of that name`, {
        hint: `Choose another --name, or remove it: podvisor pod rm --force ${id}`,
      });
    }
    try {
      Deno.mkdirSync(directory.share, { mode: 0o700 });
    } catch (error) {
      await removeTree(directory.path);
      throw error;
    }
    return directory;
  }

  /** Whether there is anything of a pod of that name. */
  async has(id: string): Promise<boolean> {
    return (await this.list()).includes(this.directory(id).id);
  }

  /** Names of all pods, in order. */
  async list(): Promise<string[]> {
    return await namesIn(join(this.root, "pods"));
  }

  /**
   * Waits for a pod's lock. It is beside the pod's directory, so that removing the pod cannot split it.
   *
   * @param kind `shared` to read, `exclusive` to change
   */
  async lock(id: string, kind: LockKind): Promise<Fd> {
    return await lockFile(this.#lockPath(id), kind);
  }

  /** A pod's lock, if nobody has it. */
  tryLock(id: string): Fd | undefined {
    return tryLockFile(this.#lockPath(id));
  }

  /** Removes the file of a pod's lock, unless somebody has the lock: for a pod that has been removed. */
  removeLock(id: string): void {
    removeLockFile(this.#lockPath(id));
  }

  /** Removes the locks of pods that are not there. Those of all pods together begin with a dot, and stay. */
  async removeSpareLocks(): Promise<void> {
    const pods = await this.list();
    const locks = await namesIn(join(this.root, "locks"), "isFile");
    for (const id of locks) {
      if (!id.startsWith(".") && !pods.includes(id)) this.removeLock(id);
    }
  }

  /** A pod's record; nothing when there is none. @throws {Failure} when it cannot be read */
  async findPod(id: string): Promise<PodRecord | undefined> {
    return await readRecord<PodRecord>(this.directory(id).record);
  }

  /**
   * A pod's record.
   *
   * @throws {Failure} when there is no such pod, or its record cannot be read
   */
  async readPod(id: string): Promise<PodRecord> {
    const record = await this.findPod(id);
    if (record) return record;
    throw new Failure(`Cannot find the pod ${id}`, { hint: "See podvisor pod list" });
  }

  async writePod(record: PodRecord): Promise<void> {
    await writeRecord(this.directory(record.id).record, record);
  }

  /** Records of a pod's containers, in order of name. */
  async readContainers(pod: string): Promise<ContainerRecord[]> {
    const directory = this.directory(pod);
    const records: ContainerRecord[] = [];
    for (const id of await namesIn(directory.file("containers"))) {
      const record = await readRecord<ContainerRecord>(
        join(directory.container(id), "container.json"),
      );
      if (record) records.push(record);
    }
    return records;
  }

  /** Whether a pod has a container of this name. */
  async hasContainer(pod: string, id: string): Promise<boolean> {
    return (await namesIn(this.directory(pod).file("containers"))).includes(id);
  }

  async writeContainer(record: ContainerRecord): Promise<void> {
    const directory = this.directory(record.pod).container(record.id);
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    await writeRecord(join(directory, "container.json"), record);
  }

  #lockPath(id: string): string {
    const locks = join(this.root, "locks");
    Deno.mkdirSync(locks, { recursive: true, mode: 0o700 });
    return join(locks, checkName("pod", id));
  }

  /** Removes the files of one container. */
  async removeContainer(pod: string, id: string): Promise<void> {
    await removeTree(this.directory(pod).container(id));
  }

  /** Removes the files of a pod; the mounts of its VM are not among them. */
  async remove(id: string): Promise<void> {
    await removeTree(this.directory(id).path);
  }
}

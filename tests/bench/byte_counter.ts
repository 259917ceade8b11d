/** Counts the bytes that come through a FIFO, in a thread of its own. */

/** When the first and the last bytes came, in milliseconds since the epoch, and how many after the first read. */
export interface Flow {
  first: number;
  last: number;
  total: number;
}

/** What a worker's global scope has beyond a window's. */
interface WorkerScope {
  name: string;
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(flow: Flow): void;
}

const NAME = "byte counter";
const scope = globalThis as unknown as WorkerScope;
if (scope.name === NAME) scope.onmessage = ({ data }) => scope.postMessage(count(data));

/** @param path of the FIFO; returns when its writers have closed it */
export function countBytes(path: string): Promise<Flow> {
  const worker = new Worker(import.meta.url, { type: "module", name: NAME });
  const { promise, resolve, reject } = Promise.withResolvers<Flow>();
  worker.onmessage = ({ data }: MessageEvent<Flow>) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(path);
  return promise.finally(() => worker.terminate());
}

function count(path: string): Flow {
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(256 * 1024);
  const now = () => performance.timeOrigin + performance.now();
  const flow: Flow = { first: 0, last: 0, total: 0 };
  for (let count; (count = file.readSync(buffer)) !== null;) {
    flow.last = now();
    if (flow.first === 0) flow.first = flow.last;
    flow.total += count;
  }
  return flow;
}

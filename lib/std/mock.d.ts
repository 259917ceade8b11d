export interface SpyCall<Args extends unknown[], Return> {
  args: Args;
  returned?: Return;
  error?: Error;
}
export interface Spy<Args extends unknown[], Return> extends Disposable {
  (...args: Args): Return;
  calls: SpyCall<Args, Return>[];
  restored: boolean;
  restore(): void;
}
export function spy<Args extends unknown[], Return>(
  fn?: (...args: Args) => Return,
): Spy<Args, Return>;
export function stub<T, K extends keyof T>(
  object: T,
  method: K,
  fn?: T[K],
): Spy<unknown[], unknown>;
export function assertSpyCalls(spy: Spy<never[], unknown>, expected: number): void;

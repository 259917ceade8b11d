type CompleteValue<V> = V extends (infer U)[] ? CompleteValue<U>[]
  : V extends string | number | boolean | null ? V
  : Complete<V>;

/** A message as a parser returns it: every key is there. */
export type Complete<T> = { [K in keyof T]-?: CompleteValue<Exclude<T[K], undefined>> };

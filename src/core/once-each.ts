/**
 * Makes something for each argument when it is first asked for, and keeps it. Those who ask meanwhile wait for the
 * same. A failure is not kept: it goes to those who wait, and the next to ask tries again.
 * @param keyOf tells arguments apart.
 */
export function onceEach<A, R>(
  make: (argument: A) => R | Promise<R>,
  keyOf: (argument: A) => unknown = (argument) => argument,
): (argument: A) => Promise<R> {
  const made = new Map<unknown, Promise<R>>();
  return (argument) => {
    const key = keyOf(argument);
    const known = made.get(key);
    if (known) return known;
    const making = (async () => make(argument))();
    made.set(key, making);
    making.catch(() => made.delete(key));
    return making;
  };
}

/**
 * Takes out members that are null, at every depth and in place: generated clients send them for what their caller has
 * left out. Null stays where it is an element of a list, which means something by its place.
 */
export function withoutNulls<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const [name, member] of Object.entries(value)) {
    if (member === null && !Array.isArray(value)) delete (value as Record<string, unknown>)[name];
    else withoutNulls(member);
  }
  return value;
}

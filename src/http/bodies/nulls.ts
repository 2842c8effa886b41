/**
 * Takes out members that are null, at every depth and in place: generated clients send them for what their caller has
 * left out. Null stays where it is an element of a list, which means something by its place.
 */
export function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) {
    // Of which there may be millions, all numbers: no list of their places is made.
    for (const element of value) withoutNulls(element);
  } else if (typeof value === 'object' && value !== null) {
    const members = value as Record<string, unknown>;
    for (const name of Object.keys(members)) {
      if (members[name] === null) delete members[name];
      else withoutNulls(members[name]);
    }
  }
  return value;
}

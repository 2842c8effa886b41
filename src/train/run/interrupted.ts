/** The user has ended a run that can be gone on with. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

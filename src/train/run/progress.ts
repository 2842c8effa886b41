/** What a command tells while it works. */
export interface Progress {
  /** Begins something of which so much is to be done. */
  begin(what: string, total: number): void;
  /** How much of it is done, and what there is to say of that. */
  update(done: number, note?: string): void;
  end(): void;
  /** A line that stays. */
  say(line: string): void;
}

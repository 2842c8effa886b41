/** One of the things compared. */
export interface Candidate {
  readonly name: string;
  /** How many units a run does, for instance prompts: figures are per unit. */
  readonly units?: number;
  readonly run: () => Promise<unknown>;
}

/**
 * Times candidates in turn, A B C A B C, so that what else the machine does falls on all of them alike, and prints
 * the median of each and its ratio to the first.
 */
export async function interleaved(
  title: string,
  candidates: readonly Candidate[],
  { rounds = 30, warmUp = 5 } = {},
): Promise<void> {
  const times = candidates.map((): number[] => []);
  for (let round = -warmUp; round < rounds; round++) {
    for (const [i, { run, units = 1 }] of candidates.entries()) {
      const start = performance.now();
      await run();
      if (round >= 0) times[i]?.push((performance.now() - start) / units);
    }
  }
  const medians = times.map((all) => all.sort((a, b) => a - b)[all.length >> 1] as number);
  console.log(`${title}: median of ${rounds}, interleaved`);
  for (const [i, { name }] of candidates.entries()) {
    const [median, baseline] = [medians[i] as number, medians[0] as number];
    console.log(
      `  ${name.padEnd(48)}${median.toFixed(2).padStart(9)} ms${(median / baseline).toFixed(3).padStart(8)}x`,
    );
  }
}

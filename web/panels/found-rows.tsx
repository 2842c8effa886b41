import { forgetFound, found, pickAll, type Search, searched, searching } from '../state/found.js';

/** What a search has found so far, and what is done with it. */
export function FoundRows({ search }: { search: Search }) {
  const count = found.value.length;
  const running = searching.value === search;
  if (searched.value !== search) return null;
  return (
    <>
      {(running || count > 0) && (
        <p class="note" data-testid="found">
          {count} found. Click those to keep.
        </p>
      )}
      {count > 0 && (
        <div class="row">
          <button type="button" onClick={pickAll} disabled={running}>
            Keep all
          </button>
          <button type="button" class="quiet" onClick={forgetFound}>
            Discard
          </button>
        </div>
      )}
    </>
  );
}

/** What stands in whose way in one building, and when it is free. */

export type Use = {
  readonly eventId: string;
  /** With the time to set up before and to tear down after. */
  readonly from: Date;
  readonly to: Date;
};

export type Clash = {
  readonly eventIds: readonly [string, string];
  readonly from: Date;
  readonly to: Date;
};
export type Gap = { readonly from: Date; readonly to: Date };

/** Pairs that overlap, by when they begin to. `uses` are in the order of `from`. */
export function clashesOf(uses: readonly Use[]): Clash[] {
  const clashes: Clash[] = [];
  let open: Use[] = [];
  for (const use of uses) {
    open = open.filter(({ to }) => to > use.from);
    for (const other of open) {
      const to = new Date(Math.min(other.to.getTime(), use.to.getTime()));
      clashes.push({ eventIds: [other.eventId, use.eventId], from: use.from, to });
    }
    open.push(use);
  }
  return clashes;
}

/** When nothing is in the building between two instants, in order. */
export function gapsOf(uses: readonly Use[], from: Date, to: Date): Gap[] {
  const gaps: Gap[] = [];
  let free = from;
  for (const use of uses) {
    if (use.from > free) gaps.push({ from: free, to: use.from < to ? use.from : to });
    if (use.to > free) free = use.to;
    if (free >= to) return gaps;
  }
  return free < to ? [...gaps, { from: free, to }] : gaps;
}

/** A box office with several drawers and a hall: what inventory's functions must agree with. */

export type PoolName = 'a' | 'b' | 's';
export type Line = {
  readonly type: string;
  readonly quantity: number;
  /** In the hall, as many as the quantity. */
  readonly seats: readonly number[];
};
export type ModelHold = {
  readonly id: string;
  readonly people: readonly string[];
  lines: readonly Line[];
  status: 'active' | 'claimed' | 'sold' | 'returned' | 'released' | 'lapsed';
  expiresAt: number;
  extended: boolean;
};
type Pool = { capacity: number; reserved: number; waiting: number; blocked: number };
type Ask = {
  readonly people: readonly string[];
  readonly lines: readonly Line[];
  readonly offered: boolean;
};

const HOLD_MS = 60_000;
const POOLS: readonly PoolName[] = ['a', 'b', 's'];
const total = (lines: readonly Line[]) => lines.reduce((sum, line) => sum + line.quantity, 0);

export class BoxOffice {
  readonly holds: ModelHold[] = [];
  readonly pools: Record<PoolName, Pool>;
  readonly reservedSeats = new Set<number>();
  readonly blockedSeats = new Set<number>();
  readonly limit: number;
  readonly poolOf: (type: string) => PoolName;
  now = 0;

  constructor(
    capacities: Record<PoolName, number>,
    limit: number,
    poolOf: (type: string) => PoolName,
  ) {
    const pool = (name: PoolName) => ({
      capacity: capacities[name],
      reserved: 0,
      waiting: 0,
      blocked: 0,
    });
    this.pools = { a: pool('a'), b: pool('b'), s: pool('s') };
    this.limit = limit;
    this.poolOf = poolOf;
  }

  isAlive(hold: ModelHold): boolean {
    return hold.status === 'active' && hold.expiresAt > this.now;
  }

  occupies(hold: ModelHold): boolean {
    return this.isAlive(hold) || hold.status === 'claimed' || hold.status === 'sold';
  }

  hasWaiting(): boolean {
    return POOLS.some((name) => this.pools[name].waiting > 0);
  }

  in(name: PoolName, lines: readonly Line[]): number {
    return total(lines.filter((line) => this.poolOf(line.type) === name));
  }

  sum(name: PoolName, holds: readonly ModelHold[]): number {
    return holds.reduce((sum, hold) => sum + this.in(name, hold.lines), 0);
  }

  room(name: PoolName): number {
    const { capacity, reserved, blocked } = this.pools[name];
    return (
      capacity -
      reserved -
      blocked -
      this.sum(
        name,
        this.holds.filter((hold) => this.occupies(hold)),
      )
    );
  }

  owner(seat: number): ModelHold | undefined {
    return this.holds.find(
      (hold) => this.occupies(hold) && hold.lines.some((line) => line.seats.includes(seat)),
    );
  }

  isFree(seat: number): boolean {
    return !this.reservedSeats.has(seat) && !this.blockedSeats.has(seat) && !this.owner(seat);
  }

  /** Places that nobody has any more: the waitlist's first, in the hall the lowest numbers. */
  free(lines: readonly Line[]): void {
    for (const name of POOLS) {
      const pool = this.pools[name];
      const quantity = this.in(name, lines);
      const kept = Math.min(quantity, Math.max(0, pool.waiting - pool.reserved));
      pool.reserved += kept;
      if (name !== 's') continue;
      const seats = lines.flatMap((line) => line.seats).sort((x, y) => x - y);
      for (const seat of seats.slice(0, kept)) this.reservedSeats.add(seat);
    }
  }

  sweep(): void {
    const lapsed = this.holds.filter((hold) => hold.status === 'active' && !this.isAlive(hold));
    for (const hold of lapsed) hold.status = 'lapsed';
    this.free(lapsed.flatMap((hold) => hold.lines));
  }

  overCap(people: readonly string[], more: number, except?: ModelHold): boolean {
    const live = this.holds.filter((hold) => hold !== except && this.occupies(hold));
    return people.some((person) => {
      const own = live.filter((hold) => hold.people.includes(person));
      return own.reduce((sum, hold) => sum + total(hold.lines), 0) + more > this.limit;
    });
  }

  hold(id: string, { people, lines, offered }: Ask): string {
    const canHave = (seat: number) => (offered ? this.reservedSeats.has(seat) : this.isFree(seat));
    if (!lines.every((line) => line.seats.every(canHave))) return 'seat_taken';
    if (this.overCap(people, total(lines))) return 'per_person_limit';
    const fits = (name: PoolName) =>
      this.in(name, lines) <= (offered ? this.pools[name].reserved : this.room(name));
    if (!POOLS.every((name) => this.in(name, lines) === 0 || fits(name))) return 'sold_out';
    for (const name of offered ? POOLS : []) {
      const pool = this.pools[name];
      pool.reserved -= this.in(name, lines);
      pool.waiting = Math.max(0, pool.waiting - this.in(name, lines));
    }
    for (const seat of lines.flatMap((line) => line.seats)) this.reservedSeats.delete(seat);
    const expiresAt = this.now + HOLD_MS;
    this.holds.push({ id, people, lines, status: 'active', expiresAt, extended: false });
    return 'granted';
  }

  change(hold: ModelHold, lines: readonly Line[]): string {
    if (!this.isAlive(hold)) return 'hold_ended';
    if (this.overCap(hold.people, total(lines), hold)) return 'per_person_limit';
    const old = hold.lines.flatMap((line) => line.seats);
    const wanted = lines.flatMap((line) => line.seats);
    const canHave = (seat: number) => this.isFree(seat) || this.owner(seat) === hold;
    if (!wanted.every(canHave)) return 'seat_taken';
    const more = (name: PoolName) => this.in(name, lines) - this.in(name, hold.lines);
    if ((['a', 'b'] as const).some((name) => more(name) > Math.max(0, this.room(name)))) {
      return 'sold_out';
    }
    const given = old.filter((seat) => !wanted.includes(seat));
    const back: Line[] = [{ type: 's', quantity: given.length, seats: given }];
    for (const name of ['a', 'b'] as const) {
      back.push({ type: name, quantity: Math.max(0, -more(name)), seats: [] });
    }
    hold.lines = lines;
    this.free(back);
    return 'granted';
  }

  release(hold: ModelHold): string {
    if (hold.status === 'claimed' || hold.status === 'sold') return hold.status;
    if (hold.status === 'active') {
      hold.status = 'released';
      this.free(hold.lines);
    }
    return 'released';
  }

  claim(hold: ModelHold): string {
    if (hold.status === 'claimed') return 'claimed';
    if (hold.status === 'sold' || hold.status === 'returned') return 'sold';
    if (!this.isAlive(hold)) return 'lapsed';
    hold.status = 'claimed';
    return 'claimed';
  }

  extend(hold: ModelHold): boolean {
    const until = this.now + HOLD_MS;
    if (!this.isAlive(hold) || hold.extended || hold.expiresAt >= until) return false;
    hold.extended = true;
    hold.expiresAt = until;
    return true;
  }

  endClaim(hold: ModelHold, to: 'sold' | 'released'): string {
    if (hold.status !== 'claimed') return hold.status === 'returned' ? 'sold' : hold.status;
    hold.status = to;
    if (to === 'released') this.free(hold.lines);
    return to;
  }

  giveBackSold(hold: ModelHold): boolean {
    if (hold.status !== 'sold') return false;
    hold.status = 'returned';
    this.free(hold.lines);
    return true;
  }

  wait(name: PoolName, waiting: number): number {
    const pool = this.pools[name];
    pool.waiting = waiting;
    pool.reserved = Math.min(pool.reserved, waiting);
    if (name === 's') {
      const seats = [...this.reservedSeats].sort((x, y) => x - y);
      for (const seat of seats.slice(waiting)) this.reservedSeats.delete(seat);
    }
    return pool.reserved;
  }

  setCapacity(name: PoolName, capacity: number): string {
    const pool = this.pools[name];
    if (pool.capacity - this.room(name) > capacity) return 'capacity_below_committed';
    const added = Math.max(0, capacity - pool.capacity);
    pool.reserved += Math.min(added, Math.max(0, pool.waiting - pool.reserved));
    pool.capacity = capacity;
    return 'done';
  }

  /** Of a counted pool so many are off sale from now on. */
  block(name: PoolName, quantity: number): string {
    const pool = this.pools[name];
    const more = quantity - pool.blocked;
    if (more > this.room(name)) return 'not_free';
    pool.blocked = quantity;
    this.free([{ type: name, quantity: Math.max(0, -more), seats: [] }]);
    return 'done';
  }

  blockSeat(seat: number, free: boolean): string {
    const isBlocked = this.blockedSeats.has(seat);
    if (!free && !isBlocked && !this.isFree(seat)) return 'not_free';
    if (free !== isBlocked) return 'done';
    this.pools.s.blocked += free ? -1 : 1;
    if (!free) this.blockedSeats.add(seat);
    if (free && this.blockedSeats.delete(seat))
      this.free([{ type: 's', quantity: 1, seats: [seat] }]);
    return 'done';
  }

  counters(name: PoolName) {
    const of = (...statuses: string[]) =>
      this.sum(
        name,
        this.holds.filter((hold) => statuses.includes(hold.status)),
      );
    const live = this.sum(
      name,
      this.holds.filter((hold) => this.isAlive(hold)),
    );
    return {
      ...this.pools[name],
      held: { live, lapsed: of('active') - live },
      claimed: of('claimed'),
      sold: of('sold'),
    };
  }

  seats(): string[] {
    return Array.from({ length: this.pools.s.capacity }, (_, seat) => {
      const owner = this.owner(seat);
      if (this.blockedSeats.has(seat)) return 'blocked ';
      if (!owner) return this.reservedSeats.has(seat) ? 'reserved ' : 'free ';
      return `${owner.status === 'active' ? 'held' : owner.status} ${owner.id}`;
    });
  }
}

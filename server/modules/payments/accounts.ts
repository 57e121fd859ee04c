/**
 * Which account an organizer's money goes to. Nobody's takings are pooled: the default organizer
 * collects through the account of the installation's own key unless it has one of its own; every
 * other needs a connected account, and takes no money without. Beside the sandbox, where no money
 * moves, each of them gets an account of the simulator by itself.
 */
import type { Ctx } from '../../kernel/context.ts';
import { inTx, maybe, sqlStateOf } from '../../kernel/db.ts';
import { cachePerOwner } from '../../kernel/fresh-cache.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { defaultOrganizer, organizerExists } from '../identity/index.ts';
import { type DefaultMethod, putAccount, selectAccount } from './account.sql.ts';

const UNIQUE_VIOLATION = '23505';
/** How late another process hears that an account was set. */
const STALE_MAX_MS = 1_000;
const ORGANIZERS_MAX = 10_000;

/** Where the account comes from: `none` takes no money. */
export type AccountSource = 'set' | 'instance' | 'sandbox' | 'none';

export type PaymentAccount = {
  readonly account: string | null;
  readonly source: AccountSource;
  readonly defaultMethod: DefaultMethod;
};

const known = cachePerOwner<OrganizerId, PaymentAccount>({
  staleMaxMs: STALE_MAX_MS,
  entriesMax: ORGANIZERS_MAX,
});

/** The account that this organizer's payments are opened with; null: the instance's own. */
export async function accountFor(
  ctx: Ctx,
  organizerId: OrganizerId,
): Promise<
  Result<
    { readonly account: string | null; readonly defaultMethod: DefaultMethod },
    RefusalOf<'payment_method_unavailable'>
  >
> {
  const found = await known(ctx.lanes).read(organizerId, () => resolve(ctx, organizerId));
  if (found.source !== 'none') return ok(found);
  return refused('payment_method_unavailable', {
    detail: 'The organizer has no account at the payment provider.',
  });
}

export async function readPaymentAccount(
  ctx: Ctx,
  organizerId: OrganizerId,
): Promise<PaymentAccount | null> {
  return (await organizerExists(ctx.db, organizerId)) ? resolve(ctx, organizerId) : null;
}

export type AccountRefusal = RefusalOf<
  | 'not_found'
  | 'payment_account_taken'
  | 'payment_account_unusable'
  | 'payment_provider_unavailable'
  | 'busy'
>;

/** The provider is asked before anybody's money is sent to where it cannot arrive. */
async function refusalOf(ctx: Ctx, account: string) {
  const asked = await ctx.ports.payments.canCharge(account);
  if (asked.kind === 'unknown') return refused('payment_provider_unavailable');
  return asked.kind === 'ok' && asked.value ? null : refused('payment_account_unusable');
}

/** For payments from now on; those that are open stay with the account they were opened with. */
export async function setPaymentAccount(
  ctx: Ctx,
  organizerId: OrganizerId,
  input: { readonly account: string | null; readonly defaultMethod: DefaultMethod },
): Promise<Result<PaymentAccount, AccountRefusal>> {
  const unusable = input.account === null ? null : await refusalOf(ctx, input.account);
  if (unusable) return unusable;
  try {
    const done = await inTx(ctx, async (tx) => {
      if (!(await organizerExists(tx, organizerId))) return refused('not_found');
      const { livemode } = ctx.ports.payments;
      const by = { setBy: ctx.actor, now: ctx.clock.now() };
      const row = await maybe(tx, putAccount({ organizerId, livemode, ...input, ...by }));
      return row ? ok(null) : refused('payment_account_taken');
    });
    if (!done.ok) return done;
  } catch (error) {
    // Two took one account at the same moment: what the statement could not see, the table did.
    if (sqlStateOf(error) === UNIQUE_VIOLATION) return refused('payment_account_taken');
    throw error;
  }
  known(ctx.lanes).touch(organizerId);
  return ok(await resolve(ctx, organizerId));
}

async function resolve(ctx: Ctx, organizerId: OrganizerId): Promise<PaymentAccount> {
  const { livemode, simulated } = ctx.ports.payments;
  const row = await maybe(ctx.db, selectAccount(organizerId, livemode));
  const defaultMethod = row?.defaultMethod ?? 'payment_intent';
  if (row?.account) return { account: row.account, source: 'set', defaultMethod };
  if ((await defaultOrganizer(ctx.db)) === organizerId) {
    return { account: null, source: 'instance', defaultMethod };
  }
  if (!simulated) return { account: null, source: 'none', defaultMethod };
  return { account: sandboxAccount(organizerId), source: 'sandbox', defaultMethod };
}

/** The same at every start, so that it need not be stored before there is a payment. */
function sandboxAccount(organizerId: OrganizerId): string {
  return `acct_sandbox${present(organizerId.split('_')[1], 'the part behind the prefix')}`;
}

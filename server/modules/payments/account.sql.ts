import type { OrganizerId } from '../../kernel/ids.ts';
import { rows, textAs, textOrNull } from '../../kernel/sql.ts';

export type DefaultMethod = 'payment_intent' | 'checkout_session';

const columns = { account: textOrNull, defaultMethod: textAs<DefaultMethod>() };

export const selectAccount = (organizerId: OrganizerId, livemode: boolean) => rows(columns)`
  select account, default_method as "defaultMethod" from payments.account
  where organizer_id = ${organizerId} and livemode = ${livemode}`;

/** No row where another organizer has this account. */
export const putAccount = (a: {
  organizerId: OrganizerId;
  livemode: boolean;
  account: string | null;
  defaultMethod: DefaultMethod;
  setBy: string;
  now: Date | null;
}) => rows(columns)`
  insert into payments.account (organizer_id, livemode, account, default_method, set_by, set_at)
  select ${a.organizerId}, ${a.livemode}, ${a.account}, ${a.defaultMethod}, ${a.setBy},
    kernel.instant(${a.now})
  where not exists (
    select from payments.account o
    where o.account = ${a.account} and o.livemode = ${a.livemode}
      and o.organizer_id <> ${a.organizerId}
  )
  on conflict (organizer_id, livemode) do update
  set account = excluded.account, default_method = excluded.default_method,
      set_by = excluded.set_by, set_at = excluded.set_at
  returning account, default_method as "defaultMethod"`;

/** `/v1/accounts`, `/v1/charges`, `/v1/payment_methods`, `/v1/balance_transactions`: to read. */
import { z } from 'zod';
import { noSuch } from '../api/errors.ts';
import { listAnswer } from '../api/lists.ts';
import { createdFilter, page, text } from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import type { ObjectType } from '../objects.ts';
import { find } from '../store.ts';
import { type Call, nowS } from '../world.ts';

const CHARGES = '/v1/charges';
const TRANSACTIONS = '/v1/balance_transactions';

function retrieval(path: string, type: ObjectType) {
  return endpoint('GET', `${path}/:id`, z.strictObject({}), async (call, _params, id) => {
    const object = await find(call, type, id);
    return object ? answer(object.data) : noSuch(type, id);
  });
}

const chargeList = z.strictObject({
  ...page,
  created: createdFilter.optional(),
  payment_intent: text.optional(),
});

const transactionList = z.strictObject({
  ...page,
  created: createdFilter.optional(),
  source: text.optional(),
  type: text.optional(),
});

export const readingEndpoints = [
  // Any name is an account that may take money: nobody is onboarded here.
  endpoint('GET', '/v1/accounts/:id', z.strictObject({}), async (call, _params, id) =>
    answer({
      ...{ id, object: 'account', charges_enabled: true, country: 'US', created: nowS(call.world) },
      ...{ default_currency: 'eur', details_submitted: true, metadata: {}, payouts_enabled: false },
    }),
  ),
  retrieval(CHARGES, 'charge'),
  endpoint('GET', CHARGES, chargeList, (call, params) =>
    listAnswer(call, 'charge', CHARGES, params, { filter: { parent: params.payment_intent } }),
  ),
  retrieval('/v1/payment_methods', 'payment_method'),
  retrieval(TRANSACTIONS, 'balance_transaction'),
  endpoint('GET', TRANSACTIONS, transactionList, async (call, params) =>
    listAnswer(call, 'balance_transaction', TRANSACTIONS, params, {
      filter: {
        members: { source: params.source, type: params.type },
        parent: params.source === undefined ? undefined : await intentOf(call, params.source),
      },
    }),
  ),
];

/** A transaction is found by the intent of its source; an unknown source has none. */
async function intentOf(call: Call, source: string): Promise<string> {
  const found =
    (await find(call, 'charge', source)) ??
    (await find(call, 'refund', source)) ??
    (await find(call, 'dispute', source));
  return found?.data.payment_intent ?? '';
}

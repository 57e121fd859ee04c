/** B4, B10: a shopping session that is paid with the organizer's credit, in part or as a whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, newKey, onSale } from '../kit/given.ts';
import { beginToShop, codesOf, payFor, readyToBuy } from '../kit/shopper.ts';

let app: TestApp;
let credits: string;
beforeAll(async () => {
  app = await startApp();
  credits = `/organizers/${(await app.admin.get('/me')).body.organizerId}/credits`;
});
afterAll(() => app.close());

const give = async (amount: number, more: object = {}): Promise<string> =>
  (await app.admin.post(credits, { amount: eur(amount), ...more }, newKey())).body.secret;
const balanceOf = async (code: string) =>
  (await app.guest.post('/credits/balance', { code })).body.balance;

describe('credit in a shopping session', () => {
  it('pays a part, and the payment takes the rest', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const code = await give(2_000);
    const shopper = await readyToBuy(app, eventId, typeId);
    expect(shopper.begun).toMatchObject({ credit: null, total: eur(0), due: eur(0) });
    const chosen = await shopper.credit(code);
    expect(chosen.body).toMatchObject({
      ...{ credit: eur(2_000), total: eur(5_000), due: eur(3_000), issues: [] },
    });
    // Nothing is kept before the purchase.
    expect(await balanceOf(code)).toEqual(eur(2_000));
    const purchased = await shopper.purchase();
    expect(purchased.body).toMatchObject({
      ...{ credit: eur(2_000), total: eur(5_000), due: eur(3_000) },
      order: { total: eur(5_000), payments: [{ amount: eur(3_000) }] },
    });
    expect(await balanceOf(code)).toEqual(eur(0));
    await payFor(app, purchased);
    await app.drainJobs();
    expect(await shopper.read()).toMatchObject({
      ...{ status: 'completed', credit: eur(2_000), due: eur(3_000) },
      order: { status: 'confirmed' },
    });
    expect(JSON.stringify(await shopper.read())).not.toContain(code);
    await expectAuditClean(app);
  });

  it('pays all of it: nobody has to say how to pay', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const code = await give(9_000);
    const shopper = await beginToShop(app, eventId);
    await shopper.select([{ ticketTypeId: typeId, quantity: 2 }]);
    expect(codesOf((await shopper.buyer()).body.issues)).toEqual(['payment_missing']);
    const chosen = await shopper.credit(code);
    expect(chosen.body).toMatchObject({ credit: eur(5_000), due: eur(0), issues: [] });
    expect((await shopper.purchase()).body).toMatchObject({
      status: 'completed',
      payment: { provider: 'none' },
      order: { status: 'confirmed', payments: [], tickets: [{}, {}] },
    });
    await app.drainJobs();
    expect(await balanceOf(code)).toEqual(eur(4_000));
    await expectAuditClean(app);
  });

  it('comes back from a payment that is declined, for the next try', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const code = await give(2_000);
    const shopper = await readyToBuy(app, eventId, typeId);
    await shopper.credit(code);
    await payFor(app, await shopper.purchase(), 'pm_card_chargeDeclined');
    await app.drainJobs();
    expect(await shopper.read()).toMatchObject({ status: 'open', credit: eur(2_000) });
    const again = await shopper.purchase();
    expect(again.body.order.payments).toMatchObject([{ amount: eur(3_000) }]);
    await payFor(app, again);
    await app.drainJobs();
    expect(await shopper.read()).toMatchObject({ status: 'completed' });
    expect(await balanceOf(code)).toEqual(eur(0));
    await expectAuditClean(app);
  });

  it('is an issue where it is spent elsewhere meanwhile, and none where it is taken out', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const code = await give(2_000);
    const [one, two] = [
      await readyToBuy(app, eventId, typeId),
      await readyToBuy(app, eventId, typeId),
    ];
    await one.credit(code);
    await two.credit(code);
    await payFor(app, await one.purchase());
    await app.drainJobs();
    const left = await two.read();
    expect(left).toMatchObject({
      ...{ credit: eur(0), due: eur(5_000) },
      issues: [{ path: 'credit', code: 'credit_used_up' }],
    });
    const refused = await two.purchase();
    expect(refused.body).toMatchObject({ status: 409, code: 'session_has_issues' });
    expect((await two.credit(null)).body).toMatchObject({ credit: null, issues: [] });
    await payFor(app, await two.purchase());
    await expectAuditClean(app);
  });

  it('is refused alike where it is unknown, of another currency, or has ended', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const soon = new Date((app.clock.now() ?? new Date()).getTime() + 60_000).toISOString();
    const foreign = await app.admin.post(
      credits,
      { amount: { amount: 2_000, currency: 'USD' } },
      newKey(),
    );
    const ending = await give(2_000, { expiresAt: soon });
    expect((await shopper.credit(ending)).status).toBe(200);
    app.clock.advance(61_000);
    expect(codesOf((await shopper.read()).issues)).toEqual(['credit_invalid']);
    for (const code of ['CR-NO-SUCH', foreign.body.secret, ending]) {
      const refused = await shopper.credit(code);
      expect(refused.body).toMatchObject({ status: 422, code: 'credit_invalid' });
    }
    await expectAuditClean(app);
  });
});

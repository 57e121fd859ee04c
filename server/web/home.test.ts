import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startApp, type TestApp } from '../../test/kit/app.ts';
import { onSale } from '../../test/kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

/** The page, and how often a connection was taken for it. */
async function home(): Promise<{ readonly text: string; readonly asked: number }> {
  const taken = vi.spyOn(app.ctx.db.pool, 'connect');
  const answer = await app.guest.get('//');
  const asked = taken.mock.calls.length;
  taken.mockRestore();
  return { text: answer.body, asked };
}

describe('the first page', () => {
  it('asks the database as often for six events as for one', async () => {
    await onSale(app.admin, { more: { name: 'Night 1' } });
    const one = await home();
    expect(one.asked).toBeGreaterThan(0);
    for (let i = 2; i <= 6; i++) await onSale(app.admin, { more: { name: `Night ${i}` } });
    const six = await home();
    expect(six.text.match(/class="status on_sale"/g)).toHaveLength(6);
    expect(six.asked).toBe(one.asked);
  });

  it('says of each event what its sale is', async () => {
    const { event } = await onSale(app.admin, { more: { name: 'Paused night' } });
    await app.admin.post(`/events/${event.id}/sales/pause`);
    const { text } = await home();
    expect(text).toMatch(/Paused night[\s\S]*?class="status paused">Sale paused/);
  });
});

/** How to ask for the waitlist of an event, its entries and offers. */
import { newKey } from '../kit/given.ts';
import { ofEvent, type Recipe, seen } from './recipe.ts';
import { fresh, makeEntry } from './world.ts';

/** An entry of the waitlist, or an offer that was made to it. */
const waiting = (isOffered: boolean, isUsedUp: boolean): Recipe => ({
  thing: 'session',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp,
  make: async ({ app }, organizer) => {
    const { id, token } = await makeEntry(app, organizer, isOffered);
    return { ids: { id }, token };
  },
});

/** An event that somebody new may wait for, with as many as the route's example asks for. */
const soldOut: Recipe = ofEvent({
  variants: seen,
  more: { ticketTypes: [{ name: 'Last', price: { amount: 0, currency: 'EUR' }, capacity: 2 }] },
  body: () => ({ email: `waiting.${fresh()}@example.org` }),
  before: async (_organizer, { id, typeId }, { app }) => {
    const items = [{ ticketTypeId: typeId, quantity: 2 }];
    await app.guest.post(`/events/${id}/holds`, { items }, newKey());
  },
});

export const waitlistRecipes: Readonly<Record<string, Recipe>> = {
  'POST /events/:id/waitlist': soldOut,
  'GET /events/:id/waitlist': ofEvent({ isUsedUp: false }),
  'PUT /events/:id/waitlist': ofEvent({ isUsedUp: false }),
  'GET /waitlist/:id': waiting(false, false),
  'DELETE /waitlist/:id': waiting(false, true),
  'GET /offers/:id': waiting(true, false),
  'POST /offers/:id/accept': waiting(true, true),
  'POST /offers/:id/decline': waiting(true, true),
};

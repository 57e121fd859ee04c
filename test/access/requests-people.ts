/** How to ask for what people are told, and for a session. */
import { expect } from 'vitest';
import { newKey } from '../kit/given.ts';
import { codeSent } from '../kit/mailbox.ts';
import { nothing, type Recipe } from './recipe.ts';
import { fresh, makeOrder } from './world.ts';

const order: Recipe = {
  thing: 'order',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async ({ app }, organizer) => {
    const { orderId, token } = await makeOrder(app, organizer);
    return { ids: { id: orderId }, token };
  },
};

const organizer: Recipe = {
  thing: 'none',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async (_world, { organizerId }) => ({ ids: { id: organizerId } }),
};

const newAddress = () => `somebody.${fresh()}@example.org`;

export const peopleRecipes: Readonly<Record<string, Recipe>> = {
  'GET /orders/:id/messages': order,
  'POST /orders/:id/messages': order,
  'GET /organizers/:id/mail-settings': organizer,
  'PUT /organizers/:id/mail-settings': organizer,
  'POST /sign-in': { ...nothing, make: async () => ({ ids: {}, body: { email: newAddress() } }) },
  'POST /sign-in/verify': {
    ...nothing,
    make: async ({ app }) => {
      const email = newAddress();
      expect((await app.guest.post('/sign-in', { email }, newKey())).status).toBe(202);
      return { ids: {}, body: { email, code: await codeSent(app, email) } };
    },
  },
  'POST /sign-out': nothing,
};

/** How to ask for an organizer's credit, and how it is used in a session. */
import { expect } from 'vitest';
import { newKey } from '../kit/given.ts';
import { nested, nothing, type Recipe } from './recipe.ts';
import { makeSession, type Organizer } from './world.ts';

const credits: Recipe = {
  thing: 'none',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async (_world, { organizerId }) => ({ ids: { id: organizerId } }),
};

async function giveCredit({ admin, organizerId }: Organizer) {
  const amount = { amount: 500, currency: 'EUR' };
  const given = await admin.post(`/organizers/${organizerId}/credits`, { amount }, newKey());
  expect(given.status).toBe(201);
  return given.body as { readonly id: string; readonly secret: string };
}

const credit: Recipe = {
  ...credits,
  variants: nested,
  make: async (_world, organizer) => ({
    ids: { id: organizer.organizerId, creditId: (await giveCredit(organizer)).id },
  }),
};

export const creditRecipes: Readonly<Record<string, Recipe>> = {
  'POST /organizers/:id/credits': credits,
  'GET /organizers/:id/credits': credits,
  'GET /organizers/:id/credits/:creditId': credit,
  'POST /credits/balance': {
    ...nothing,
    make: async (_world, organizer) => ({
      ids: {},
      body: { code: (await giveCredit(organizer)).secret },
    }),
  },
  'PUT /shopping-sessions/:id/credit': {
    thing: 'session',
    variants: ['ours', 'theirs', 'unknown'],
    isUsedUp: false,
    make: async ({ app }, organizer) => {
      const { id, token } = await makeSession(app, organizer);
      return { ids: { id }, body: { code: (await giveCredit(organizer)).secret }, token };
    },
  },
};

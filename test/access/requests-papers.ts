/** How to ask for the papers of orders and organizers, and for what takes two people. */
import { expect } from 'vitest';
import { numberDocuments } from '../../server/modules/papers/index.ts';
import { newKey } from '../kit/given.ts';
import type { Recipe } from './recipe.ts';
import { makeEvent, makeOrder, makePaidOrder } from './world.ts';

const order: Recipe = {
  thing: 'order',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async ({ app }, organizer) => {
    const { orderId, token } = await makeOrder(app, organizer);
    return { ids: { id: orderId }, token };
  },
};

const document: Recipe = {
  ...order,
  make: async ({ app }, organizer) => {
    const { orderId, token } = await makeOrder(app, organizer);
    await numberDocuments(app.ctx);
    const { body } = await organizer.admin.get(`/orders/${orderId}/documents`);
    return { ids: { id: orderId, number: body.data[0].number }, token };
  },
};

/** Settings of an organizer, or what is listed of one. */
const ofOrganizer: Recipe = {
  thing: 'none',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async (_world, { organizerId }) => ({ ids: { id: organizerId } }),
};

/** A list of what is the caller's own. */
const list: Recipe = {
  thing: 'none',
  variants: ['none'],
  isUsedUp: false,
  make: async () => ({ ids: {} }),
};

/** A refund that one of its organizer's staff has asked for; afterwards one is enough again. */
const approval = (isUsedUp: boolean): Recipe => ({
  thing: 'none',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp,
  make: async ({ app }, organizer) => {
    const { admin, organizerId } = organizer;
    const set = async (refundAboveMinor: number | null) => {
      const limits = { refundAboveMinor, complimentaryAbove: null };
      const path = `/organizers/${organizerId}/approvals`;
      expect((await admin.put(path, limits)).status).toBe(200);
    };
    const { orderId } = await makePaidOrder(app, organizer);
    await set(0);
    const wanted = { reason: 'Cannot come' };
    const asked = await admin.post(`/orders/${orderId}/refunds`, wanted, newKey());
    await set(null);
    expect(asked.status).toBe(202);
    return { ids: { id: asked.body.approval.id } };
  },
});

const gift: Recipe = {
  thing: 'event',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async (_world, organizer) => {
    const event = await makeEvent(organizer);
    return { ids: { id: event.id }, inBody: { tt: event.typeId } };
  },
};

export const paperRecipes: Readonly<Record<string, Recipe>> = {
  'POST /events/:id/complimentary': gift,
  'GET /orders/:id/billing': order,
  'PUT /orders/:id/billing': order,
  'GET /orders/:id/documents': order,
  'GET /orders/:id/documents/:number.pdf': document,
  'GET /organizers/:id/billing': ofOrganizer,
  'PUT /organizers/:id/billing': ofOrganizer,
  'GET /organizers/:id/documents': ofOrganizer,
  'GET /organizers/:id/approvals': ofOrganizer,
  'GET /approvals': list,
  'GET /approvals/:id': approval(false),
  'POST /approvals/:id/approve': approval(true),
  'POST /approvals/:id/reject': approval(true),
  'PUT /organizers/:id/approvals': {
    ...ofOrganizer,
    make: async (_world, { organizerId }) => ({
      ids: { id: organizerId },
      body: { refundAboveMinor: null, complimentaryAbove: null },
    }),
  },
};

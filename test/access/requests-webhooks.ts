/** How to ask for endpoints of webhooks, and for what was sent to them. */
import { expect } from 'vitest';
import { newKey } from '../kit/given.ts';
import type { Recipe } from './recipe.ts';
import type { Organizer } from './world.ts';

/** Twenty are the most: the oldest are needed by nobody any more. */
async function makeEndpoint({ admin, organizerId }: Organizer): Promise<string> {
  const path = `/organizers/${organizerId}/webhook-endpoints`;
  const { body } = await admin.get(path);
  for (const { id } of body.data.slice(0, -10)) await admin.delete(`/webhook-endpoints/${id}`);
  const made = await admin.post(path, { url: 'https://example.org/hooks' }, newKey());
  expect(made.status).toBe(201);
  return made.body.id;
}

const ofOrganizer: Recipe = {
  thing: 'none',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async (_world, { organizerId }) => ({ ids: { id: organizerId } }),
};

const newOne: Recipe = {
  ...ofOrganizer,
  isUsedUp: true,
  make: async (_world, organizer) => {
    await makeEndpoint(organizer);
    return { ids: { id: organizer.organizerId } };
  },
};

const endpoint = (isUsedUp = false): Recipe => ({
  ...ofOrganizer,
  isUsedUp,
  make: async (_world, organizer) => ({ ids: { id: await makeEndpoint(organizer) } }),
});

const delivery: Recipe = {
  ...ofOrganizer,
  make: async (_world, organizer) => {
    const id = await makeEndpoint(organizer);
    const asked = await organizer.admin.post(`/webhook-endpoints/${id}/test`, undefined, newKey());
    expect(asked.status).toBe(202);
    return { ids: { id: asked.body.id } };
  },
};

export const webhookRecipes: Readonly<Record<string, Recipe>> = {
  'POST /organizers/:id/webhook-endpoints': newOne,
  'GET /organizers/:id/webhook-endpoints': ofOrganizer,
  'GET /webhook-endpoints/:id': endpoint(),
  'PUT /webhook-endpoints/:id': endpoint(),
  'DELETE /webhook-endpoints/:id': endpoint(true),
  'POST /webhook-endpoints/:id/rotate-secret': endpoint(),
  'POST /webhook-endpoints/:id/pause': endpoint(),
  'POST /webhook-endpoints/:id/resume': endpoint(),
  'POST /webhook-endpoints/:id/test': endpoint(),
  'GET /webhook-endpoints/:id/deliveries': endpoint(),
  'GET /webhook-deliveries/:id': delivery,
  'POST /webhook-deliveries/:id/resend': delivery,
};

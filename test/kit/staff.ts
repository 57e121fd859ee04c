import { expect } from 'vitest';
import type { TestApp } from './app.ts';

/** An organizer of its own, and callers with a key of it each. */
export async function newOrganizer(app: TestApp, name = 'Halle Nord') {
  const { body } = await app.admin.post('/organizers', { name });
  const organizerId = body.id as string;
  const keyOf = async (role: string) => {
    const made = await app.admin.post('/api-keys', { name: role, role, organizerId });
    expect(made.status).toBe(201);
    return app.as(made.body.secret);
  };
  return { organizerId, staff: await keyOf('admin'), keyOf };
}

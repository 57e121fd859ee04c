import { describe, expect, it } from 'vitest';
import { routes } from '../app.ts';
import { commonRefusals, problem, problemOfRefusal, problemSchema } from './problem.ts';

describe('a problem document', () => {
  it('has what RFC 9457 asks for, a code and the request', () => {
    const made = problem({ status: 409, code: 'sold_out', title: 'Sold out' }, 'req-1', '/x');
    expect(made).toEqual({
      type: '/docs/problems#sold_out',
      title: 'Sold out',
      status: 409,
      code: 'sold_out',
      instance: '/x',
      requestId: 'req-1',
    });
    expect(problemSchema.safeParse(made).success).toBe(true);
  });

  it('carries detail, issues and extra members', () => {
    const issues = [{ path: 'items.0', code: 'unknown_field', message: 'no' }];
    const input = { status: 422, code: 'c', title: 't', detail: 'd', issues, extra: { seats: 2 } };
    expect(problem(input, 'r', '/')).toMatchObject({ detail: 'd', issues, seats: 2 });
  });

  it('is not overruled by extra members', () => {
    const extra = { status: 200, code: 'fine', requestId: 'x', type: 'y' };
    const made = problem({ status: 409, code: 'sold_out', title: 't', extra }, 'req-1', '/');
    expect(made).toMatchObject({ status: 409, code: 'sold_out', requestId: 'req-1' });
    expect(made.type).toBe('/docs/problems#sold_out');
  });
});

describe('a refusal', () => {
  const table = { sold_out: { status: 409, title: 'Sold out' } };

  it('becomes what its route says', () => {
    expect(problemOfRefusal({ code: 'sold_out', detail: 'd' }, table)).toEqual({
      status: 409,
      title: 'Sold out',
      code: 'sold_out',
      detail: 'd',
    });
  });

  it('common to all routes needs no line of its own', () => {
    expect(problemOfRefusal({ code: 'busy' }, {})).toMatchObject({
      status: 503,
      retryAfterSeconds: 1,
    });
  });

  it('that no table knows is a fault', () => {
    expect(() => problemOfRefusal({ code: 'odd' }, table)).toThrow('odd has no HTTP status');
  });
});

describe('the tables of all routes', () => {
  const entries = [
    ...Object.entries(commonRefusals),
    ...routes.flatMap((route) => Object.entries(route.refusals)),
  ];

  it('give a code one status everywhere', () => {
    const statuses = new Map<string, Set<number>>();
    for (const [code, { status }] of entries) {
      statuses.set(code, (statuses.get(code) ?? new Set()).add(status));
    }
    expect(statuses.size).toBeGreaterThanOrEqual(30);
    expect([...statuses].filter(([, found]) => found.size > 1)).toEqual([]);
  });

  it('use snake case and statuses of refusals', () => {
    for (const [code, { status }] of entries) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect([400, 401, 403, 404, 409, 410, 422, 429, 503]).toContain(status);
    }
  });

  it('say when to come back, with every 503', () => {
    for (const [code, entry] of entries) {
      if (entry.status === 503) expect({ code, ...entry }).toHaveProperty('retryAfterSeconds');
    }
  });
});

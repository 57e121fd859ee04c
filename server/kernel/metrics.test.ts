import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

describe('the metrics of a process', () => {
  it('come in the Prometheus text format, each with its help', async () => {
    const metrics = createMetrics();
    metrics.http.observe({ method: 'GET', route: '/events/:id', status: '2xx' }, 0.004);
    metrics.refusals.inc({ code: 'sold_out' });
    metrics.transactionRetries.inc({ sqlstate: '40P01' });
    metrics.jobs.inc({ kind: 'settle_payment', outcome: 'done' });
    const text = await metrics.registry.metrics();
    expect(text).toContain(
      'fanfare_http_request_seconds_bucket{le="0.005",method="GET",route="/events/:id",status="2xx"} 1',
    );
    expect(text).toContain('fanfare_refusals_total{code="sold_out"} 1');
    expect(text).toContain('fanfare_db_transaction_retries_total{sqlstate="40P01"} 1');
    const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    expect(names.length).toBeGreaterThanOrEqual(11);
    for (const [, name] of names) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
  });

  it('all have our prefix, a unit or a total, and no more', async () => {
    for (const { name } of await createMetrics().registry.getMetricsAsJSON()) {
      expect(name).toMatch(/^fanfare_[a-z_]+$/);
      expect(name).toMatch(
        /_(seconds|requests|total|parked|unknown|open|listeners|up|late|differences|waiting|facts)$/,
      );
    }
  });

  it('are its own: two in one process do not count together', async () => {
    const one = createMetrics();
    const two = createMetrics();
    one.jobsParked.set(3);
    expect((await two.jobsParked.get()).values).toMatchObject([{ value: 0 }]);
  });

  it('tell of the process itself if asked to', async () => {
    const text = await createMetrics({ process: true }).registry.metrics();
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(await createMetrics().registry.metrics()).not.toContain('nodejs_');
  });
});

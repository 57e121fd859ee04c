/**
 * Section reads: availability of the hot event, read by many while holds storm in at a fixed rate.
 * Beside it, under the same storm: a route that does nothing behind the product's pipeline, and a
 * bare handler, both with as many bytes. The storm is a share of what the product can do here.
 */
import { catalogRoutes } from '../../server/modules/catalog/index.ts';
import { auditProduct } from './audit.ts';
import { routeOf, serveBytes, servePipeline } from './bare-server.ts';
import { type Bench, CAPACITY_MAX, callers, rounds, type Section, seconds } from './bench.ts';
import { call, type Load, type Template } from './callers.ts';
import { ratioOf } from './hot.ts';
import {
  type BenchEvent,
  holdTemplate,
  openEvent,
  openProduct,
  type Product,
  REQUESTS_PER_PERSON,
} from './product.ts';
import { short, spreadOf, spreadText } from './report.ts';
import type { Tally } from './tally.ts';

const ROUNDS = 3;
const BLOCK_SECONDS = 3;
const READERS = 64;
const STORM_CALLERS = 128;
/** Of the holds that the product grants alone. */
const STORM_SHARE = 0.4;

const load = (more: Partial<Load> & Pick<Load, 'ports' | 'templates' | 'callers' | 'seconds'>) => ({
  ...{ requestsPerPerson: REQUESTS_PER_PERSON, firstNumber: 0, requests: null, rate: null },
  ...{ keepIds: false, sampleEvery: 0 },
  ...more,
});

const get = (path: string): Template => ({ method: 'GET', path, headers: {}, body: null });
const pathOf = ({ eventId }: BenchEvent) => `/api/v1/events/${eventId}/availability`;

async function maximum(bench: Bench, product: Product, time: number): Promise<number> {
  const event = await openEvent(product, CAPACITY_MAX);
  const who = callers(bench, STORM_CALLERS);
  const templates = [holdTemplate(event)];
  const tally = await call(
    load({ ports: [product.port], templates, callers: who, seconds: time, keepIds: true }),
  );
  await auditProduct(product, event, tally);
  return tally.granted / tally.seconds;
}

type Reader = {
  readonly name: string;
  readonly port: number;
  readonly path: (e: BenchEvent) => string;
};

/** Reads a second while holds come in at `rate` on the same event. */
async function underStorm(
  bench: Bench,
  product: Product,
  reader: Reader,
  { rate, time }: { readonly rate: number; readonly time: number },
): Promise<{ readonly reads: Tally; readonly storm: Tally }> {
  const event = await openEvent(product, CAPACITY_MAX);
  const [reads, storm] = await Promise.all([
    call(
      load({
        ...{ ports: [reader.port], templates: [get(reader.path(event))] },
        ...{ callers: callers(bench, READERS), seconds: time },
      }),
    ),
    call(
      load({
        ...{ ports: [product.port], templates: [holdTemplate(event)], rate, keepIds: true },
        ...{ callers: callers(bench, STORM_CALLERS), seconds: time },
      }),
    ),
  ]);
  // What was still under way may have been granted without being heard.
  await auditProduct(product, event, storm, { exact: storm.unanswered === 0 });
  return { reads, storm };
}

async function openReaders(product: Product) {
  const event = await openEvent(product, CAPACITY_MAX);
  const path = pathOf(event);
  const { body } = await product.parts.app.inject({ method: 'GET', url: path });
  const route = routeOf(catalogRoutes, 'GET', '/events/:id/availability');
  const pipeline = await servePipeline(product.ctx, route, JSON.parse(body));
  const bare = await serveBytes(path, body);
  const ours: Reader = { name: 'availability', port: product.port, path: pathOf };
  const nothing: readonly Reader[] = [
    { name: 'no-op, full pipeline', port: pipeline.port, path: pathOf },
    { name: 'no-op, bare handler', port: bare.port, path: () => path },
  ];
  const close = async () => {
    await pipeline.close();
    await bare.close();
  };
  return { readers: [ours, ...nothing], close };
}

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const { readers, close } = await openReaders(product);
  const rates = new Map<string, number[]>(readers.map(({ name }) => [name, []]));
  try {
    const time = seconds(bench, BLOCK_SECONDS);
    const rate = Math.max(20, STORM_SHARE * (await maximum(bench, product, time)));
    bench.report.line(`a storm of ${short(rate)} holds/s, ${callers(bench, READERS)} readers`);
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      for (let i = 0; i < readers.length; i += 1) {
        const reader = readers[(i + round) % readers.length];
        if (!reader) continue;
        const { reads, storm } = await underStorm(bench, product, reader, { rate, time });
        rates.get(reader.name)?.push(reads.granted / reads.seconds);
        bench.report.note(`${reader.name} ${round}`, {
          reads: reads.granted,
          holds: storm.granted,
          unanswered: storm.unanswered,
        });
      }
      bench.report.progress(`round ${round + 1} done`);
    }
  } finally {
    await close();
    await product.close();
    await bench.databases.drop(url);
  }
  for (const [name, values] of rates) {
    bench.report.line(`${name}: ${spreadText(spreadOf(values))} reads/s`);
  }
  const [ours = [], ...others] = [...rates.values()];
  others.forEach((values, i) => {
    bench.report.figure({
      says: `availability reads during a storm ÷ ${readers[i + 1]?.name}`,
      bar: { atLeast: 0.8 },
      value: ratioOf(ours, values),
    });
  });
}

export const readsSection: Section = {
  name: 'reads',
  title: 'availability reads during a storm of holds',
  run,
};

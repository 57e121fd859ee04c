/** Prometheus metrics of one process. A registry of its own, so that tests can run side by side. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const FAST_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics(options: { readonly process: boolean } = { process: false }) {
  const registry = new Registry();
  const registers = [registry];
  if (options.process) collectDefaultMetrics({ register: registry });
  return {
    registry,
    ...httpMetrics(registers),
    ...databaseMetrics(registers),
    ...jobMetrics(registers),
    ...factMetrics(registers),
    ...webhookMetrics(registers),
    ...laneMetrics(registers),
    ...saleMetrics(registers),
    ...redisMetrics(registers),
    ...liveMetrics(registers),
    ...messageMetrics(registers),
    ...waitlistMetrics(registers),
  };
}

function httpMetrics(registers: Registry[]) {
  return {
    http: new Histogram({
      name: 'fanfare_http_request_seconds',
      help: 'Time to answer, by route and status class',
      labelNames: ['method', 'route', 'status'],
      buckets: FAST_BUCKETS_SECONDS,
      registers,
    }),
    refusals: new Counter({
      name: 'fanfare_refusals_total',
      help: 'Requests refused, by stable code',
      labelNames: ['code'],
      registers,
    }),
  };
}

function databaseMetrics(registers: Registry[]) {
  return {
    poolWait: new Histogram({
      name: 'fanfare_db_pool_wait_seconds',
      help: 'Time a caller waited for a database connection',
      buckets: FAST_BUCKETS_SECONDS,
      registers,
    }),
    transaction: new Histogram({
      name: 'fanfare_db_transaction_seconds',
      help: 'Time a connection was held by one transaction',
      buckets: FAST_BUCKETS_SECONDS,
      registers,
    }),
    transactionRetries: new Counter({
      name: 'fanfare_db_transaction_retries_total',
      help: 'Transactions run again, by SQLSTATE',
      labelNames: ['sqlstate'],
      registers,
    }),
    oldestSnapshot: new Gauge({
      name: 'fanfare_db_oldest_snapshot_seconds',
      help: 'Age of the oldest snapshot that holds back clean-up',
      registers,
    }),
  };
}

function jobMetrics(registers: Registry[]) {
  return {
    jobs: new Counter({
      name: 'fanfare_jobs_total',
      help: 'Jobs run, by kind and outcome',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    jobsParked: new Gauge({
      name: 'fanfare_jobs_parked',
      help: 'Jobs that failed too often and wait for a person',
      registers,
    }),
  };
}

function factMetrics(registers: Registry[]) {
  return {
    relayWaiting: new Gauge({
      name: 'fanfare_facts_waiting',
      help: 'Facts that are committed and not relayed yet (at most 10,000 are counted)',
      registers,
    }),
    relayLag: new Gauge({
      name: 'fanfare_relay_lag_seconds',
      help: 'Age of the oldest fact that is not relayed yet',
      registers,
    }),
    consumerLagFacts: new Gauge({
      name: 'fanfare_consumer_lag_facts',
      help: 'Facts that a consumer has not passed yet',
      labelNames: ['consumer'],
      registers,
    }),
    consumerLag: new Gauge({
      name: 'fanfare_consumer_lag_seconds',
      help: 'How long ago the fact was relayed that a consumer comes to next',
      labelNames: ['consumer'],
      registers,
    }),
    factsParked: new Gauge({
      name: 'fanfare_facts_parked',
      help: 'Facts that a consumer could not handle, and those behind them; a person has to look',
      labelNames: ['consumer'],
      registers,
    }),
    factsPublished: new Counter({
      name: 'fanfare_facts_published_total',
      help: 'Facts that this process has published on the bus, by topic',
      labelNames: ['topic'],
      registers,
    }),
    busUp: new Gauge({
      name: 'fanfare_bus_up',
      help: 'Whether the last thing asked of the bus was done; without one it says nothing',
      labelNames: ['bus'],
      registers,
    }),
  };
}

function webhookMetrics(registers: Registry[]) {
  return {
    webhooksSent: new Counter({
      name: 'fanfare_webhooks_sent_total',
      help: 'Attempts to send a webhook to an organizer’s endpoint, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    webhooksWaiting: new Gauge({
      name: 'fanfare_webhook_streams_open',
      help: 'Events of which a webhook waits for an endpoint (at most 10,000 are counted)',
      registers,
    }),
  };
}

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

function laneMetrics(registers: Registry[]) {
  return {
    laneBatch: new Histogram({
      name: 'fanfare_lane_batch_requests',
      help: 'Requests that were served by one call and one commit, by kind',
      labelNames: ['kind'],
      buckets: BATCH_BUCKETS,
      registers,
    }),
    laneSeconds: new Histogram({
      name: 'fanfare_lane_batch_seconds',
      help: 'Time from a batch being sent to its commit being known, by kind',
      labelNames: ['kind'],
      buckets: FAST_BUCKETS_SECONDS,
      registers,
    }),
    laneRefused: new Counter({
      name: 'fanfare_lane_refused_total',
      help: 'Requests that found the queue of their kind full',
      labelNames: ['kind'],
      registers,
    }),
  };
}

function saleMetrics(registers: Registry[]) {
  return {
    lapsedPlaces: new Counter({
      name: 'fanfare_lapsed_holds_total',
      help: 'Holds whose places came back because they lapsed',
      registers,
    }),
    openSessions: new Gauge({
      name: 'fanfare_shopping_sessions_open',
      help: 'Shopping sessions whose countdown runs',
      registers,
    }),
    webhooks: new Counter({
      name: 'fanfare_webhooks_total',
      help: 'Webhooks received, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    unknownPayments: new Gauge({
      name: 'fanfare_payments_unknown',
      help: 'Payments whose outcome is not known for over a minute',
      registers,
    }),
    oddCaptures: new Counter({
      name: 'fanfare_odd_captures_total',
      help: 'Payments of which the provider took another amount or currency than was asked for',
      registers,
    }),
    tieOutDifferences: new Gauge({
      name: 'fanfare_tie_out_differences',
      help: 'Days, accounts and currencies in which our books differ from the provider’s',
      registers,
    }),
    lateRefunds: new Gauge({
      name: 'fanfare_refunds_late',
      help: 'Refunds owed for over five minutes that the provider has not been given',
      registers,
    }),
  };
}

function waitlistMetrics(registers: Registry[]) {
  return {
    waitlistOffers: new Counter({
      name: 'fanfare_waitlist_offers_total',
      help: 'Offers made to people who waited',
      registers,
    }),
    waitlistPlaces: new Counter({
      name: 'fanfare_waitlist_places_offered_total',
      help: 'Places in those offers',
      registers,
    }),
    waitlistWaited: new Histogram({
      name: 'fanfare_waitlist_waited_seconds',
      help: 'Time from joining to being offered something',
      buckets: [1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800],
      registers,
    }),
  };
}

function messageMetrics(registers: Registry[]) {
  return {
    messages: new Counter({
      name: 'fanfare_messages_total',
      help: 'Messages to people, by kind, channel and what became of them',
      labelNames: ['kind', 'channel', 'outcome'],
      registers,
    }),
    messagesWaiting: new Gauge({
      name: 'fanfare_messages_waiting',
      help: 'Messages that are owed and not sent yet (at most 100,000 are counted)',
      registers,
    }),
  };
}

function liveMetrics(registers: Registry[]) {
  return {
    liveListeners: new Gauge({
      name: 'fanfare_live_listeners',
      help: 'Who listens to live updates here, by what',
      labelNames: ['to'],
      registers,
    }),
    liveDropped: new Counter({
      name: 'fanfare_live_dropped_total',
      help: 'Listeners whose connection was ended because they did not take what was sent',
      registers,
    }),
    liveChanges: new Counter({
      name: 'fanfare_live_changes_total',
      help: 'Changes that were encoded and sent to all who listen, by what',
      labelNames: ['to'],
      registers,
    }),
    liveFanOut: new Histogram({
      name: 'fanfare_live_fan_out_seconds',
      help: 'Time from a change being read to the last listener having been written to',
      buckets: FAST_BUCKETS_SECONDS,
      registers,
    }),
  };
}

function redisMetrics(registers: Registry[]) {
  return {
    redisUp: new Gauge({
      name: 'fanfare_redis_up',
      help: 'Whether Redis answers; 0 where there is none',
      registers,
    }),
    redisUnanswered: new Counter({
      name: 'fanfare_redis_unanswered_total',
      help: 'Questions that Redis did not answer in time; the process went on by itself',
      registers,
    }),
  };
}

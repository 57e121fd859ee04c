/** A Postman collection (format 2.1) from the OpenAPI document. */
import type { OpenApi } from '../server/web/openapi.ts';
import type { Operation } from '../server/web/openapi-types.ts';

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';

/** Ids of these prefixes are collection variables, which creating requests fill in. */
const VARIABLES: Readonly<Record<string, string>> = {
  evt: 'eventId',
  tt: 'ticketTypeId',
  pool: 'poolId',
  hld: 'holdId',
  ord: 'orderId',
  tkt: 'ticketId',
  usr: 'userId',
  key: 'keyId',
  ven: 'venueId',
  cfg: 'configurationId',
  alc: 'allocationId',
  org: 'organizerId',
  ssn: 'sessionId',
  crd: 'creditId',
  apr: 'approvalId',
  whe: 'endpointId',
  whd: 'deliveryId',
  wle: 'entryId',
  off: 'offerId',
};

/** Parameters that are no ids: the number of a document, a promo code. */
const OTHERS = ['number', 'code'] as const;

/** What an answer to this operation gives to the requests after it: variable, then where it is. */
const GIVES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  postEvents: {
    eventId: '.id',
    ticketTypeId: '.ticketTypes[0].id',
    poolId: '.ticketTypes[0].poolId',
  },
  postEventsByIdPools: { poolId: '.id' },
  postEventsByIdTicketTypes: { ticketTypeId: '.id' },
  postEventsByIdHolds: { holdId: '.id' },
  postEventsByIdBookings: { orderId: '.order.id', accessToken: '.accessToken' },
  // An order has tickets once it is paid.
  getOrdersById: { ticketId: ".tickets[0]?.id ?? ''" },
  postEventsByIdAllocations: { allocationId: '.id' },
  postVenues: { venueId: '.id' },
  postVenuesByIdConfigurations: { configurationId: '.id' },
  postUsers: { userId: '.id' },
  getOrganizers: { organizerId: '.data[0].id' },
  postEventsByIdShoppingSessions: { sessionId: '.id', accessToken: '.accessToken' },
  postEventsByIdPromoCodes: { code: '.code' },
  postOrganizersByIdCredits: { creditId: '.id' },
  getOrdersByIdDocuments: { number: ".data[0]?.number ?? ''" },
  getApprovals: { approvalId: ".data[0]?.id ?? ''" },
  postOrganizersByIdWebhookEndpoints: { endpointId: '.id' },
  getWebhookEndpointsByIdDeliveries: { deliveryId: ".data[0]?.id ?? ''" },
  postEventsByIdWaitlist: { entryId: '.id', accessToken: '.accessToken' },
  // An entry has an offer while one is open.
  getWaitlistById: { offerId: ".offer?.id ?? ''" },
  postApiKeys: { keyId: '.id' },
};

type Item = { readonly tag: string; readonly item: Readonly<Record<string, unknown>> };

export function postmanCollection(document: OpenApi) {
  const items = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      // Without credentials there is nothing to send but what the payment provider signs.
      .filter(([, operation]) => operation.security.length > 0)
      .map(([method, operation]) => itemOf(method.toUpperCase(), path, operation)),
  );
  const names = ['baseUrl', 'key', 'accessToken', ...Object.values(VARIABLES), ...OTHERS];
  return {
    info: {
      name: 'Fanfare',
      description:
        'Made from /openapi.json. Set `baseUrl` and `key` (an admin API key); the ids come from ' +
        'the answers to the requests that create things.',
      schema: SCHEMA,
    },
    auth: bearer('key'),
    variable: names.map((key) => ({
      key,
      value: key === 'baseUrl' ? 'http://127.0.0.1:3000' : '',
      type: 'string',
    })),
    item: document.tags.flatMap(({ name, description }) => {
      const own = items.filter(({ tag }) => tag === name).map(({ item }) => item);
      return own.length > 0 ? [{ name, description, item: own }] : [];
    }),
  };
}

const bearer = (variable: string) => ({
  type: 'bearer',
  bearer: [{ key: 'token', value: `{{${variable}}}`, type: 'string' }],
});

function itemOf(method: string, path: string, operation: Operation): Item {
  const json = operation.requestBody?.content['application/json'];
  const isPublic = operation.security.some((way) => Object.keys(way).length === 0);
  const body = json && JSON.stringify(withVariables(json.example ?? {}), null, 2);
  const request = {
    method,
    // A key that is not set yet would be refused even where none is needed.
    ...(isPublic ? { auth: { type: 'noauth' } } : {}),
    header: [
      ...(json ? [{ key: 'Content-Type', value: 'application/json' }] : []),
      ...(operation.parameters?.some(({ name }) => name === 'Idempotency-Key')
        ? [{ key: 'Idempotency-Key', value: '{{$guid}}' }]
        : []),
    ],
    url: urlOf(path, operation),
    ...(body ? { body: { mode: 'raw', raw: body, options: { raw: { language: 'json' } } } } : {}),
    ...(operation.description ? { description: operation.description } : {}),
  };
  const gives = GIVES[operation.operationId];
  const [tag = ''] = operation.tags;
  return {
    tag,
    item: {
      name: operation.summary,
      ...(gives ? { event: [keeps(gives)] } : {}),
      request,
      response: [],
    },
  };
}

function urlOf(path: string, operation: Operation) {
  const plain = path.replace(/\{(\w+)\}/g, ':$1');
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return {
    raw: `{{baseUrl}}${plain}`,
    host: ['{{baseUrl}}'],
    path: plain.slice(1).split('/'),
    ...(query.length > 0
      ? {
          query: query.map(({ name, description }) => ({
            key: name,
            value: '',
            disabled: true,
            ...(description ? { description } : {}),
          })),
        }
      : {}),
    ...(names.length > 0
      ? { variable: names.map((key) => ({ key, value: `{{${variableFor(key, operation)}}}` })) }
      : {}),
  };
}

/** `id` is what its pattern says; what is no id has a variable of its own name. */
function variableFor(name: string, operation: Operation): string {
  const parameter = operation.parameters?.find((p) => p.in === 'path' && p.name === name);
  const [, prefix = ''] = /^\^([a-z]+)_/.exec(String(parameter?.schema['pattern'])) ?? [];
  const variable = prefix === '' ? OTHERS.find((other) => other === name) : VARIABLES[prefix];
  if (!variable) throw new Error(`no variable for {${name}} of ${operation.operationId}`);
  return variable;
}

/** The example with variables in the place of its ids. */
function withVariables(example: unknown): unknown {
  // A JSON value stays one.
  return JSON.parse(
    JSON.stringify(example).replace(/"([a-z]+)_[0-9a-z]{13,}"/g, (whole, prefix: string) =>
      VARIABLES[prefix] ? `"{{${VARIABLES[prefix]}}}"` : whole,
    ),
  ) as unknown;
}

function keeps(gives: Readonly<Record<string, string>>) {
  const lines = Object.entries(gives).map(
    ([variable, at]) => `  pm.collectionVariables.set('${variable}', pm.response.json()${at});`,
  );
  const exec = ['if (pm.response.code < 300) {', ...lines, '}'];
  return { listen: 'test', script: { type: 'text/javascript', exec } };
}

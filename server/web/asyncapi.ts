/** `/asyncapi.json`: the facts as an AsyncAPI 3 document, made from their definitions. */
import { z } from 'zod';
import { type FactDefinition, type FactDefinitions, topicNames, topics } from '../kernel/facts.ts';
import { VERSION } from '../version.ts';

const EXAMPLE_EVENT = 'evt_00vtdzt3h1k4r';
const EXAMPLE_AT = '2035-05-02T10:00:00.000Z';

type Json = Readonly<Record<string, unknown>>;

export function asyncApiDocument(facts: FactDefinitions): Json {
  const messages = Object.entries(facts);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Fanfare facts',
      version: VERSION,
      description:
        'What happened, in the order in which it happened to an event. Published at least once: ' +
        '`id` names a fact for good, and a reader that has seen it leaves it. Ids only, nothing ' +
        'about people.',
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(
      topicNames.map((name) => [
        name,
        {
          address: name,
          description: `${topics[name]}. The key of a message is the id of its event.`,
          messages: Object.fromEntries(
            messages
              .filter(([, { topic }]) => topic === name)
              .map(([kind]) => [kind, { $ref: `#/components/messages/${kind}` }]),
          ),
        },
      ]),
    ),
    operations: Object.fromEntries(
      topicNames.map((name) => [
        `publish_${name}`,
        { action: 'send', channel: { $ref: `#/channels/${name}` } },
      ]),
    ),
    components: {
      messages: Object.fromEntries(
        messages.map(([kind, fact]) => [
          kind,
          {
            name: kind,
            summary: fact.says,
            payload: factSchema(kind, fact),
            examples: [{ payload: exampleOf(kind, fact) }],
          },
        ]),
      ),
    },
  };
}

/** The JSON Schema of one kind of fact, as it is published. */
export function factSchema(kind: string, { topic, version, data }: FactDefinition): Json {
  return {
    type: 'object',
    required: ['id', 'eventId', 'seq', 'kind', 'version', 'at', 'data'],
    properties: {
      id: { type: 'string', description: 'The event and the number of the fact in it' },
      eventId: { type: 'string' },
      seq: { type: 'integer', minimum: 1, description: 'Of this event, without a gap' },
      kind: { const: kind },
      version: { const: version },
      at: { type: 'string', format: 'date-time' },
      data: schemaOf(data),
      ...(topic === 'ticket_availability' ? availability : {}),
    },
  };
}

const free = { ticketTypeId: { type: 'string' }, available: { type: 'integer', minimum: 0 } };

/** Beside the fact, in messages of that topic (docs/messaging.md). */
const availability: Json = {
  change: { enum: ['locked', 'unlocked', 'sold'] },
  items: {
    type: 'array',
    items: {
      type: 'object',
      properties: { ticketTypeId: { type: 'string' }, quantity: { type: 'integer' } },
    },
  },
  seats: { type: 'array', items: { type: 'string' }, description: 'Keys of the seats' },
  totals: {
    type: 'object',
    description: 'What is free when it is published; the higher version is right',
    properties: {
      version: { type: 'integer' },
      ticketTypes: { type: 'array', items: { type: 'object', properties: free } },
    },
  },
};

export function exampleOf(kind: string, { version, example }: FactDefinition): Json {
  const [eventId, seq] = [EXAMPLE_EVENT, 7];
  const id = `${eventId}:${seq}`;
  return { id, eventId, seq, kind, version, at: EXAMPLE_AT, data: example };
}

function schemaOf(data: FactDefinition['data']): Json {
  const { $schema: _, additionalProperties: __, ...schema } = z.toJSONSchema(data);
  return schema;
}

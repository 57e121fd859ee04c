/** Somebody who listens to a stream of server-sent events. */
import { get, type IncomingMessage } from 'node:http';
import { eventually } from './given.ts';

export type Heard = {
  readonly event: string;
  readonly id: string | null;
  // A test asserts what it reads of a message.
  // biome-ignore lint/suspicious/noExplicitAny: messages are JSON of any shape
  readonly data: any;
};

export type Ear = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly heard: readonly Heard[];
  /** All that came, as it came. */
  readonly text: () => string;
  readonly isOver: () => boolean;
  /** Waits until a message came that `is` is content with; answers the first. */
  readonly hears: (is: (message: Heard) => boolean) => Promise<Heard>;
  /** Reads nothing any more. */
  readonly sleep: () => void;
  readonly close: () => void;
};

export async function listen(
  url: string,
  options: { readonly token?: string; readonly lastId?: string | null } = {},
): Promise<Ear> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      accept: 'text/event-stream',
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      ...(options.lastId ? { 'last-event-id': options.lastId } : {}),
    };
    get(url, { headers, agent: false }, resolve).on('error', reject);
  });
  const heard: Heard[] = [];
  let text = '';
  let read = 0;
  let over = false;
  response.setEncoding('utf8');
  response.on('data', (part: string) => {
    text += part;
    for (;;) {
      const end = text.indexOf('\n\n', read);
      if (end < 0) return;
      const message = messageIn(text.slice(read, end));
      if (message) heard.push(message);
      read = end + 2;
    }
  });
  response.on('close', () => {
    over = true;
  });
  response.on('error', () => {});
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    heard,
    text: () => text,
    isOver: () => over,
    hears: async (is) => {
      const found = await eventually(
        async () => heard.find(is) ?? { none: heard },
        (value) => !('none' in value),
      );
      // `eventually` was content with it.
      return found as Heard;
    },
    sleep: () => response.pause(),
    close: () => response.destroy(),
  };
}

/** Null for a comment, or a message without data. */
function messageIn(block: string): Heard | null {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  const data = fields.get('data');
  if (data === undefined) return null;
  return { event: fields.get('event') ?? '', id: fields.get('id') ?? null, data: JSON.parse(data) };
}

/** `GET /v1/things`: newest first, page by page. */
import type { ObjectType, ObjectTypes } from '../objects.ts';
import { type Listing, list, type StoredObject } from '../store.ts';
import type { Answer, Call, Outcome } from '../world.ts';
import { noSuchParam } from './errors.ts';
import { createdInterval } from './params.ts';
import { answer } from './route.ts';

const DEFAULT_PAGE = 10;

export type PageParams = {
  readonly limit?: number | undefined;
  readonly starting_after?: string | undefined;
  readonly created?: Parameters<typeof createdInterval>[0];
};

export async function listAnswer<K extends ObjectType>(
  call: Call,
  type: K,
  url: string,
  params: PageParams,
  more: {
    readonly filter?: Partial<Pick<Listing, 'parent' | 'members'>>;
    readonly show?: (object: StoredObject<K>) => Promise<ObjectTypes[K]>;
  } = {},
): Promise<Outcome<Answer>> {
  const limit = params.limit ?? DEFAULT_PAGE;
  const found = await list(call, type, {
    ...more.filter,
    ...createdInterval(params.created),
    startingAfter: params.starting_after,
    limit: limit + 1,
  });
  if (!found) return noSuchParam(type, params.starting_after ?? '', 'starting_after');
  const data: ObjectTypes[K][] = [];
  for (const object of found.slice(0, limit)) {
    data.push(more.show ? await more.show(object) : object.data);
  }
  return answer({ object: 'list', data, has_more: found.length > limit, url });
}

import type { EventId, OrderId, OrganizerId } from '../../kernel/ids.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  command,
  fragment,
  instant,
  int,
  json,
  rows,
  text,
  textAs,
  textOrNull,
} from '../../kernel/sql.ts';
import type { DocumentContent, DocumentKind, DocumentName } from './rules-document.ts';

export const callOpenOffice = (organizerId: OrganizerId, now: Date | null) => rows({
  now: instant,
})`
  select papers.open_office@v(${organizerId}, ${now}) as now`;

export const callWriteDocument = (d: {
  readonly organizerId: OrganizerId;
  readonly kind: DocumentKind;
  readonly year: number;
  readonly eventId: EventId;
  readonly orderId: OrderId;
  readonly sourceId: string;
  readonly totalMinor: number;
  readonly currency: string;
  readonly content: DocumentContent;
  readonly madeAt: Date;
}) => rows({ number: int })`
  select papers.write_document@v(${d.organizerId}, ${d.kind}, ${d.year}, ${d.eventId},
    ${d.orderId}, ${d.sourceId}, ${d.totalMinor}, ${d.currency},
    ${JSON.stringify(d.content)}::jsonb, ${d.madeAt}) as number`;

const columns = {
  organizerId: textAs<OrganizerId>(),
  seq: int,
  kind: textAs<DocumentKind>(),
  year: int,
  number: int,
  eventId: textAs<EventId>(),
  orderId: textAs<OrderId>(),
  sourceId: text,
  totalMinor: int,
  currency: textAs<Currency>(),
  // Written from such a value, and never changed.
  content: (raw: unknown) => json(raw) as DocumentContent,
  madeAt: instant,
};

const documentSelect = fragment`organizer_id as "organizerId", seq, kind, year, number,
    event_id as "eventId", order_id as "orderId", source_id as "sourceId",
    total_minor as "totalMinor", currency, content, made_at as "madeAt"`;

export const selectDocumentBySource = (organizerId: OrganizerId, sourceId: string) => rows(columns)`
  select ${documentSelect}
  from papers.document where organizer_id = ${organizerId} and source_id = ${sourceId}`;

export const selectDocumentByName = (organizerId: OrganizerId, name: DocumentName) => rows(columns)`
  select ${documentSelect}
  from papers.document
  where organizer_id = ${organizerId} and kind = ${name.kind} and year = ${name.year}
    and number = ${name.number}`;

export const selectDocumentsOf = (
  organizerId: OrganizerId,
  orderId: OrderId,
  after: number,
  most: number,
) => rows(columns)`
  select ${documentSelect}
  from papers.document
  where organizer_id = ${organizerId} and order_id = ${orderId} and seq > ${after}
  order by seq limit ${most}`;

/** By the time of the document, which never runs backwards: `from` counts, `to` does not. */
export const selectDocuments = (
  organizerId: OrganizerId,
  f: { readonly from: Date | null; readonly to: Date | null; readonly after: number },
  most: number,
) => rows(columns)`
  select ${documentSelect}
  from papers.document
  where organizer_id = ${organizerId} and seq > ${f.after}
    and made_at >= coalesce(${f.from}::timestamptz, '-infinity')
    and made_at < coalesce(${f.to}::timestamptz, 'infinity')
  order by seq limit ${most}`;

export const selectSeller = (organizerId: OrganizerId) => rows({
  version: int,
  legalName: text,
  address: text,
  taxId: textOrNull,
  timezone: text,
})`
  select version, legal_name as "legalName", address, tax_id as "taxId", timezone
  from papers.seller where organizer_id = ${organizerId} order by version desc limit 1`;

export const insertSeller = (
  organizerId: OrganizerId,
  s: {
    readonly version: number;
    readonly legalName: string;
    readonly address: string;
    readonly taxId: string | null;
    readonly timezone: string;
  },
  setBy: string,
  now: Date,
) => command`
  insert into papers.seller
    (organizer_id, version, legal_name, address, tax_id, timezone, set_by, set_at)
  values (${organizerId}, ${s.version}, ${s.legalName}, ${s.address}, ${s.taxId}, ${s.timezone},
    ${setBy}, ${now})`;

export const selectRecipients = (
  eventIds: readonly EventId[],
  orderIds: readonly OrderId[],
) => rows({
  orderId: textAs<OrderId>(),
  company: textOrNull,
  address: text,
  taxId: textOrNull,
})`
  select r.order_id as "orderId", r.company, r.address, r.tax_id as "taxId"
  from unnest(${eventIds}::text[], ${orderIds}::text[]) as k(event_id, order_id)
  join papers.recipient r on r.event_id = k.event_id and r.order_id = k.order_id`;

export const upsertRecipient = (
  eventId: EventId,
  orderId: OrderId,
  r: {
    readonly company: string | null;
    readonly address: string;
    readonly taxId: string | null;
  },
) => command`
  insert into papers.recipient (event_id, order_id, company, address, tax_id)
  values (${eventId}, ${orderId}, ${r.company}, ${r.address}, ${r.taxId})
  on conflict (event_id, order_id) do update
    set company = excluded.company, address = excluded.address, tax_id = excluded.tax_id`;

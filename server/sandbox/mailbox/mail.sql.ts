import {
  bytes,
  command,
  fragment,
  instant,
  int,
  json,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
  textOrNull,
} from '../../kernel/sql.ts';

export type NewMail = {
  readonly reference: string;
  readonly channel: 'email' | 'sms';
  readonly recipient: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

export const insertMail = (m: NewMail, now: Date | null) => rows({ mailId: int })`
  insert into sandbox.mail (reference, channel, recipient, subject, body_text, body_html, headers,
    at)
  values (${m.reference}, ${m.channel}, ${m.recipient}, ${m.subject}, ${m.text}, ${m.html},
    ${JSON.stringify(m.headers)}::jsonb, kernel.instant(${now}))
  returning mail_id as "mailId"`;

export const insertAttachment = (
  mailId: number,
  position: number,
  a: { readonly fileName: string; readonly contentType: string; readonly content: Buffer },
) => command`
  insert into sandbox.mail_attachment (mail_id, position, file_name, content_type, content)
  values (${mailId}, ${position}, ${a.fileName}, ${a.contentType}, ${a.content})`;

const KEPT = 1_000;

/** The mailbox is no archive. */
export const deleteOldMail = () => command`
  delete from sandbox.mail where mail_id <= (
    select m.mail_id from sandbox.mail m order by m.mail_id desc offset ${KEPT} limit 1)`;

const columns = {
  mailId: int,
  reference: text,
  channel: textAs<'email' | 'sms'>(),
  recipient: text,
  subject: text,
  text,
  html: textOrNull,
  // Written by `insertMail`, in this shape.
  headers: (raw: unknown) => json(raw) as Readonly<Record<string, string>>,
  at: instant,
  attachments: listOf(objectOf({ fileName: text, contentType: text, octets: int })),
};

const mailSelect = fragment`m.mail_id as "mailId", m.reference, m.channel, m.recipient, m.subject,
    m.body_text as "text", m.body_html as html, m.headers, m.at,
    coalesce((
      select jsonb_agg(jsonb_build_object('fileName', a.file_name, 'contentType', a.content_type,
        'octets', length(a.content)) order by a.position)
      from sandbox.mail_attachment a where a.mail_id = m.mail_id), '[]') as attachments`;

export type StoredMail = ReturnType<ReturnType<typeof selectMail>['decode']>;

/** The newest first; to one recipient, if one is named. */
export const selectMails = (recipient: string | null, before: number | null, most: number) => rows(
  columns,
)`
  select ${mailSelect} from sandbox.mail m
  where (${recipient}::text is null or lower(m.recipient) = lower(${recipient}::text))
    and (${before}::bigint is null or m.mail_id < ${before}::bigint)
  order by m.mail_id desc limit ${most}`;

export const selectMail = (mailId: number) => rows(columns)`
  select ${mailSelect} from sandbox.mail m where m.mail_id = ${mailId}`;

export const selectAttachment = (mailId: number, position: number) => rows({
  fileName: text,
  contentType: text,
  content: bytes,
})`
  select file_name as "fileName", content_type as "contentType", content
  from sandbox.mail_attachment where mail_id = ${mailId} and position = ${position}`;

/** The development mailbox as a person reads it, and how to get there. */
import { codeOf } from '../../server/modules/people/codes.ts';
import type { TestApp } from './app.ts';

export type MailShown = {
  readonly id: number;
  readonly reference: string;
  readonly channel: 'email' | 'sms';
  readonly recipient: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly { fileName: string; contentType: string; octets: number }[];
};

/** What lies in the mailbox, the newest first. */
export async function mailbox(app: TestApp, to?: string): Promise<readonly MailShown[]> {
  const search = to === undefined ? '' : `?to=${encodeURIComponent(to)}`;
  const answer = await app.guest.get(`//sandbox/mailbox${search}`, { accept: 'application/json' });
  return answer.body.data;
}

/** Everything that follows from what has happened: facts are heard, jobs are done. */
export async function deliver(app: TestApp): Promise<void> {
  // Jobs make facts, and facts make jobs.
  for (let turn = 0; turn < 3; turn += 1) {
    await app.drainJobs();
    await app.drainFacts();
  }
  await app.drainJobs();
}

/** The code in the newest message to somebody. */
export async function codeFor(app: TestApp, to: string): Promise<string> {
  const [newest] = await mailbox(app, to);
  return /\b(\d{6})\b/.exec(newest?.text ?? '')?.[1] ?? '';
}

/** The code that the next message to somebody will have, without waiting for it. */
export async function codeSent(app: TestApp, email: string): Promise<string> {
  const { pool } = app.ctx.db;
  const found = await pool.query<{ id: string }>(
    'select sign_in_id as id from people.sign_in where address = $1 order by made_at desc limit 1',
    [email],
  );
  return codeOf(app.ctx.secrets, found.rows[0]?.id ?? '');
}

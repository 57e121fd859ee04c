/**
 * The job that sends one message. Before it sends, the row says that somebody is at it; after, that
 * it was sent. A process that dies in between has sent it or not, and nobody can tell: it is sent
 * again, under the same reference, by which whoever got both can see that they are one. So it is
 * where a server has got all of it and says nothing, but once only: most have taken it.
 */
import type { Ctx } from '../../kernel/context.ts';
import { maybe, one, run } from '../../kernel/db.ts';
import { type Job, type JobHandler, NotYet, renewLease } from '../../kernel/jobs.ts';
import { readNow } from '../../kernel/now.ts';
import { isKind, type Kind, kindOf } from './kinds.ts';
import {
  countUnanswered,
  endMessage,
  type MessageRow,
  type MessageState,
  markBounced,
  NEVER_DECIDED,
  selectMessage,
  selectRecipient,
  startMessage,
  takeAllowance,
} from './message.sql.ts';
import type { Delivery } from './ports.ts';
import { type SignInWords, type Written, writeMessage } from './write-message.ts';

/** What one address gets within an hour, at most; what is too much waits. */
const PER_HOUR_MAX = 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** After so long nobody tries any more. */
const GIVE_UP_MS = DAY_MS;
const AGAIN_BASE_SECONDS = 5;
const AGAIN_MAX_SECONDS = 900;
/** Addresses come back to life, and a server that was set up wrongly is mended. */
const BOUNCED_DAYS = 30;
/** How often a message may get no answer; each may be a copy with its recipient. */
const UNANSWERED_MAX = 2;
/** A server that was slow is left alone for a while. */
const UNANSWERED_SECONDS = 60;
/** What an order’s buyer may choose is being laid out. */
const DECIDED_SECONDS = 5;
const LEASE_OVER_SECONDS = 1;
/** A newer version, which is being rolled out, knows what it says. */
const NEWER_SECONDS = 60;

/** The handler of both jobs that send messages. */
export function sendMessage(signInWords: SignInWords): JobHandler {
  return async (ctx, job) => {
    // Written by `notify`.
    const { eventId, messageId } = job.data as Record<'eventId' | 'messageId', string>;
    const message = await maybe(ctx.db, selectMessage(eventId, messageId));
    if (!message || (message.state !== 'waiting' && message.state !== 'sending')) return;
    await sendOne(ctx, job, message, signInWords);
  };
}

async function sendOne(
  ctx: Ctx,
  job: Job,
  message: MessageRow,
  signInWords: SignInWords,
): Promise<void> {
  const now = await readNow(ctx.db, ctx.clock);
  const { kind } = message;
  if (!isKind(kind)) return leaveToNewer(ctx, message, now);
  const unwanted = await whyNot(ctx, message, kind, now);
  if (unwanted) return end(ctx, message, 'dropped', unwanted);
  const written = await writeMessage(ctx, message, signInWords);
  if (written === null) return end(ctx, message, 'dropped', 'not_needed');
  if (written === 'later') {
    if (now.getTime() - message.madeAt.getTime() > HOUR_MS) {
      return end(ctx, message, 'failed', NEVER_DECIDED);
    }
    throw new NotYet(DECIDED_SECONDS);
  }
  await allow(ctx, message, now);
  await ctx.pause('message_written');
  // Drawing its papers may have taken long; from here on nobody else begins with it. Where the
  // lease is over, nobody may have taken it yet: it must not count as done.
  if (!(await renewLease(ctx.db, job))) throw new NotYet(LEASE_OVER_SECONDS);
  const started = await maybe(ctx.db, startMessage(message.eventId, message.messageId));
  if (!started) return;
  await ctx.pause('message_started');
  const delivery = await deliver(ctx, written);
  await ctx.pause('message_delivered');
  await settle(ctx, message, delivery, started.tries, now);
}

async function leaveToNewer(ctx: Ctx, message: MessageRow, now: Date): Promise<void> {
  if (now.getTime() - message.madeAt.getTime() < GIVE_UP_MS) throw new NotYet(NEWER_SECONDS);
  await end(ctx, message, 'dropped', 'unknown_kind');
}

/** Why it is not sent at all; null where it is. */
async function whyNot(
  ctx: Ctx,
  message: MessageRow,
  kind: Kind,
  now: Date,
): Promise<string | null> {
  const { channel, uselessAt } = message;
  if (uselessAt && uselessAt <= now) return 'too_late';
  if (!(channel === 'email' ? ctx.ports.mail : ctx.ports.sms)) return 'not_configured';
  const recipient = await maybe(ctx.db, selectRecipient(message.recipientKey));
  const bouncedMs = now.getTime() - (recipient?.bouncedAt?.getTime() ?? Number.NEGATIVE_INFINITY);
  // Whoever proves that an address is theirs again gets the code by which they do.
  if (bouncedMs < BOUNCED_DAYS * DAY_MS && !kindOf(kind).isUrgent) return 'bounced_before';
  return recipient?.optedOutAt && kindOf(kind).isOptional ? 'opted_out' : null;
}

/** Counts it for its recipient, once; where that is too many within the hour it waits. */
async function allow(ctx: Ctx, message: MessageRow, now: Date): Promise<void> {
  const { kind, recipientKey, tries } = message;
  if (tries > 0 || (isKind(kind) && kindOf(kind).isUrgent)) return;
  if (await maybe(ctx.db, takeAllowance(recipientKey, ctx.clock.now(), PER_HOUR_MAX))) return;
  const recipient = await maybe(ctx.db, selectRecipient(recipientKey));
  const sinceMs = now.getTime() - (recipient?.hourFrom ?? now).getTime();
  ctx.metrics.messages.inc({ kind, channel: message.channel, outcome: 'limited' });
  throw new NotYet(Math.max(1, Math.ceil((HOUR_MS - sinceMs) / 1_000)));
}

async function deliver(ctx: Ctx, written: Written): Promise<Delivery> {
  const { mail, sms } = ctx.ports;
  if (written.channel === 'email' && mail) return mail.send(written.mail);
  if (written.channel === 'sms' && sms) return sms.send(written.message);
  return { kind: 'later', reason: 'not_configured' };
}

async function settle(
  ctx: Ctx,
  message: MessageRow,
  delivery: Delivery,
  tries: number,
  now: Date,
): Promise<void> {
  if (delivery.kind === 'taken') return end(ctx, message, 'sent', null);
  const { reason } = delivery;
  if (delivery.kind === 'refused') {
    if (delivery.because === 'message') return end(ctx, message, 'failed', reason);
    await run(ctx.db, markBounced(message.recipientKey, reason, ctx.clock.now()));
    return end(ctx, message, 'bounced', reason);
  }
  if (delivery.kind === 'unanswered') {
    const { unanswered } = await one(ctx.db, countUnanswered(message.eventId, message.messageId));
    if (unanswered >= UNANSWERED_MAX) return end(ctx, message, 'failed', reason);
    ctx.metrics.messages.inc({ kind: message.kind, channel: message.channel, outcome: 'later' });
    throw new NotYet(UNANSWERED_SECONDS);
  }
  if (now.getTime() - message.madeAt.getTime() > GIVE_UP_MS) {
    return end(ctx, message, 'failed', reason);
  }
  ctx.metrics.messages.inc({ kind: message.kind, channel: message.channel, outcome: 'later' });
  throw new NotYet(Math.min(AGAIN_MAX_SECONDS, AGAIN_BASE_SECONDS * 2 ** (tries - 1)));
}

async function end(
  ctx: Ctx,
  { eventId, messageId, kind, channel }: MessageRow,
  state: MessageState,
  reason: string | null,
): Promise<void> {
  await run(ctx.db, endMessage(eventId, messageId, state, reason, ctx.clock.now()));
  ctx.metrics.messages.inc({ kind, channel, outcome: state });
}

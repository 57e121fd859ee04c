import type { Ctx } from '../../kernel/context.ts';
import { run } from '../../kernel/db.ts';
import { sameSecret } from '../../kernel/secrets.ts';
import { setOptedOut } from './message.sql.ts';
import { homeOf } from './ports.ts';

const TOKEN = /^([A-Za-z0-9_-]{32})([A-Za-z0-9_-]{43})$/;

/** Where the owner of an address asks for no more mail than they need; names nobody. */
export function optOutLink(ctx: Ctx, recipientKey: string): string {
  return `${homeOf(ctx)}/unsubscribe/${recipientKey}${proofOf(ctx, recipientKey)}`;
}

/** Whose token this is; null for one that nobody was sent. */
export function optOutKey(ctx: Ctx, token: string): string | null {
  const [, key = '', proof = ''] = TOKEN.exec(token) ?? [];
  return key && sameSecret(proof, proofOf(ctx, key)) ? key : null;
}

function proofOf(ctx: Ctx, recipientKey: string): string {
  return ctx.secrets.derive('opt-out', recipientKey);
}

/** From now on they get what is about their orders only; or the other mail again. */
export async function optOut(ctx: Ctx, recipientKey: string, isOut: boolean): Promise<void> {
  await run(ctx.db, setOptedOut(recipientKey, isOut, ctx.clock.now()));
}

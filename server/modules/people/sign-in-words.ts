import { maybe } from '../../kernel/db.ts';
import { personByContact } from '../identity/index.ts';
import { homeOf, type SignInWords } from '../notifications/index.ts';
import { CODE_MINUTES } from './ask-sign-in.ts';
import { codeOf, tokenOf } from './codes.ts';
import { selectSignIn } from './sign-in.sql.ts';

/**
 * What the message of an attempt says. To a number that nobody has proved nothing is sent, unless
 * somebody who is signed in has asked for it: text messages cost money. A link signs in whoever
 * follows it, so there is none where an address is only added to somebody.
 */
export const signInWords: SignInWords = async (ctx, { data }) => {
  const { signInId } = data;
  const found = typeof signInId === 'string' && (await maybe(ctx.db, selectSignIn(signInId)));
  if (!found) return null;
  const { organizerId, channel, userId, language } = found;
  const isKnown = userId !== null || (await personByContact(ctx.db, organizerId, found)) !== null;
  if (channel === 'sms' && !isKnown) return null;
  const hasLink = channel === 'email' && userId === null;
  const token = tokenOf(ctx.secrets, found.signInId);
  return {
    signIn: {
      code: codeOf(ctx.secrets, found.signInId),
      link: hasLink ? `${homeOf(ctx)}/sign-in?token=${token}` : null,
      minutes: CODE_MINUTES,
    },
    language,
  };
};

/**
 * People: how somebody proves that an address or a number is theirs, and is signed in by it. It
 * owns the attempts to sign in.
 *
 * It promises that a code or a link works once, for ten minutes; that a code has five tries however
 * many come at once; that neither is stored; and that no answer tells whether anybody is known at
 * an address. It is a room of its own, above identity, because it owes people messages: identity is
 * what the messages stand on.
 */
export { cookieOf, peopleRoutes } from './routes.ts';
export { signInWords } from './sign-in-words.ts';
export { forgetSignInsRecurring } from './tidy-sign-ins.ts';
export { verifySignIn } from './verify-sign-in.ts';

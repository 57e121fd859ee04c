import { parseArgs } from 'node:util';
import { publicKeyFrom, verifyTicketCode } from '../modules/ticket-codes/index.ts';
import { type Command, UsageError } from './command.ts';

const options = { key: { type: 'string' } } as const;

const reasons = {
  not_a_code: 'This is not the code of a ticket.',
  another_key: 'This code was signed with another key: it is for another event, or no ticket.',
  forged: 'The signature is not good: this code was changed or made up.',
} as const;

export const runVerifyTicket: Command = {
  usage: [['verify-ticket CODE', 'tell whose code this is, from the event’s public key']],
  help: `fanfare verify-ticket CODE --key PUBLICKEY

Tells for which ticket and event the code is, or why it is none. Works offline: all it needs is
the event's public key, from GET /api/v1/events/{id}/ticket-keys (publicKey). Exits with 1 where
the code is not good. A good code may be an old one: its epoch is to be compared with the ticket's,
which only the ticket office knows.

  --key PUBLICKEY     43 characters, base64url`,
  run: async (args) => {
    const { code, key } = readArgs(args);
    const told = verifyTicketCode(code, key);
    if (!told.ok) {
      console.log(reasons[told.refusal.code]);
      return 1;
    }
    const { ticketId, eventId, epoch } = told.value;
    console.log(`Ticket ${ticketId} of event ${eventId}, epoch ${epoch}: the signature is good.`);
    return 0;
  },
};

function readArgs(args: readonly string[]): { readonly code: string; readonly key: string } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (positionals.length === 0)
      throw new UsageError('fanfare verify-ticket CODE --key PUBLICKEY');
    const { key } = values;
    if (key === undefined || !publicKeyFrom(key)) {
      throw new UsageError('--key must be a public key: 43 characters, base64url');
    }
    // A code that was broken into lines comes in several parts.
    return { code: positionals.join(''), key };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The plans that a call really had, in every function that it called, and what they read. */
import type pg from 'pg';

type Node = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Node[];
};
type Explained = { readonly 'Query Text': string; readonly Plan: Node };

/** How many rows one node of a plan has read, in all its loops, and what it was. */
export type Read = { readonly rows: number; readonly what: string };

/** `client` is the superuser's; what it runs from now on is explained, within functions too. */
export async function explainAll(client: pg.ClientBase): Promise<void> {
  await client.query(`load 'auto_explain';
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_format = json;
    set auto_explain.log_level = notice`);
}

/** Runs one statement and answers with what each node of each of its plans has read. */
export async function readsOf(client: pg.ClientBase, run: () => Promise<unknown>) {
  const explained: Explained[] = [];
  const onNotice = ({ message }: { message?: string | undefined }) => {
    const at = message?.indexOf('{') ?? -1;
    // What auto_explain says, as it was told to.
    if (message?.startsWith('duration:'))
      explained.push(JSON.parse(message.slice(at)) as Explained);
  };
  client.on('notice', onNotice);
  try {
    await run();
  } finally {
    client.off('notice', onNotice);
  }
  return { plans: explained.length, reads: explained.flatMap((one) => nodesOf(one, one.Plan)) };
}

function nodesOf(explained: Explained, node: Node): Read[] {
  const perLoop =
    (node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Join Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0);
  const rows = Math.round(perLoop * (node['Actual Loops'] ?? 0));
  const on = node['Index Name'] ?? node['Relation Name'] ?? '';
  const query = explained['Query Text'].replace(/\s+/g, ' ').slice(0, 300);
  const what = `${node['Node Type']} ${on} in: ${query}`;
  return [{ rows, what }, ...(node.Plans ?? []).flatMap((child) => nodesOf(explained, child))];
}

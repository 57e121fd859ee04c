/**
 * Lifecycles as data. A room declares its machine here and in its migration; the start compares
 * the two and refuses to run on a difference, and a trigger refuses any other edge.
 */
import { all, type Db } from './db.ts';
import { assert } from './result.ts';
import { rows, text } from './sql.ts';

export type Machine<S extends string> = {
  readonly name: string;
  readonly initial: readonly S[];
  readonly edges: Readonly<Record<S, readonly S[]>>;
};

/** Checks that every state can be reached and every target exists. */
export function defineMachine<S extends string>(machine: Machine<S>): Machine<S> {
  const states = Object.keys(machine.edges);
  const reached = new Set<string>(machine.initial);
  // A list that grows while it is walked: the usual way to find all that can be reached.
  for (const state of reached) {
    for (const next of machine.edges[state as S] ?? []) reached.add(next);
  }
  for (const state of reached) {
    assert(states.includes(state), `machine ${machine.name}: unknown state ${state}`);
  }
  for (const state of states) {
    assert(reached.has(state), `machine ${machine.name}: ${state} cannot be reached`);
  }
  return machine;
}

export function canMove<S extends string>(machine: Machine<S>, from: S, to: S): boolean {
  return machine.edges[from].includes(to);
}

const selectTransitions = () => rows({ machine: text, from: text, to: text })`
  select machine, from_state as "from", to_state as "to" from kernel.transition`;

/** The differences between the machines of this build and those of the database. */
export async function machineDifferences(
  db: Db,
  machines: readonly Machine<string>[],
): Promise<readonly string[]> {
  const stored = await all(db, selectTransitions());
  const inDatabase = new Set(stored.map((row) => `${row.machine}: ${row.from} -> ${row.to}`));
  const inCode = new Set(machines.flatMap(edgesOf));
  const missing = [...inCode].filter((edge) => !inDatabase.has(edge));
  const extra = [...inDatabase].filter((edge) => !inCode.has(edge));
  return [
    ...missing.map((edge) => `the database lacks the transition ${edge}`),
    ...extra.map((edge) => `the database allows the unknown transition ${edge}`),
  ];
}

function edgesOf(machine: Machine<string>): string[] {
  return [
    ...machine.initial.map((to) => `${machine.name}:  -> ${to}`),
    ...Object.entries(machine.edges).flatMap(([from, targets]) =>
      targets.map((to) => `${machine.name}: ${from} -> ${to}`),
    ),
  ];
}

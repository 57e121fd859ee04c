/** All sections, in the order in which they run. */
import type { Section } from './bench.ts';
import { churnSection } from './churn.ts';
import { expirySection } from './expiry.ts';
import { freshSection } from './fresh.ts';
import { growthSection } from './growth.ts';
import { type HotName, runHot } from './hot.ts';
import { idleSection } from './idle.ts';
import { memorySection } from './memory.ts';
import { mixSection } from './mix.ts';
import { readsSection } from './reads.ts';
import { seatsSection } from './seats.ts';
import { spreadSection } from './spread.ts';
import { tailSection } from './tail.ts';
import { twoProcessesSection } from './two-processes.ts';
import { walSection } from './wal.ts';

const HOT: readonly HotName[] = ['http', 'no-op', 'process'];
const OTHERS: readonly Section[] = [
  mixSection,
  freshSection,
  idleSection,
  growthSection,
  twoProcessesSection,
  seatsSection,
  readsSection,
  tailSection,
  churnSection,
  expirySection,
  spreadSection,
  walSection,
  // Last: it takes the time that is left.
  memorySection,
];

export const sectionNames: readonly string[] = [...HOT, ...OTHERS.map(({ name }) => name)];

/** The named sections, or all. What is about one hot ticket type is one section together. */
export function chosen(only: readonly string[]): readonly Section[] {
  const isChosen = (name: string) => only.length === 0 || only.includes(name);
  const hot = HOT.filter(isChosen);
  const together: Section = {
    name: hot.join('+'),
    title: 'one hot ticket type, each arm in turn',
    run: (bench) => runHot(bench, new Set(hot)),
  };
  return [...(hot.length > 0 ? [together] : []), ...OTHERS.filter(({ name }) => isChosen(name))];
}

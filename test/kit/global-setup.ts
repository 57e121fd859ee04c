/**
 * Before all tests: one PostgreSQL, and in it a migrated template database. DATABASE_URL_TEST names
 * a server to use instead of the embedded one; its user must be able to make databases and roles.
 */
import type { TestProject } from 'vitest/node';
import { migrate } from '../../server/kernel/migrate.ts';
import {
  onServer,
  openRunFolder,
  startTestCluster,
  TEMPLATE_DATABASE,
  urlOfDatabase,
} from './embedded.ts';
import { exportFound } from './requires.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The superuser's URL; the template is TEMPLATE_DATABASE on the same server. */
    postgresUrl: string;
  }
}

const cleanUps: (() => Promise<void> | void)[] = [];

export async function setup(project: TestProject): Promise<void> {
  exportFound();
  try {
    cleanUps.unshift(openRunFolder().remove);
    const url = await openServer(process.env['DATABASE_URL_TEST']);
    await buildTemplate(url);
    project.provide('postgresUrl', url);
  } catch (error) {
    await teardown();
    throw error;
  }
}

export async function teardown(): Promise<void> {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
}

const dropTemplate = `drop database if exists ${TEMPLATE_DATABASE} with (force)`;

async function openServer(given: string | undefined): Promise<string> {
  if (given) {
    cleanUps.unshift(() => onServer(given, [dropTemplate]));
    return given;
  }
  const cluster = await startTestCluster({ durable: true });
  cleanUps.unshift(cluster.stop);
  return cluster.url;
}

async function buildTemplate(serverUrl: string): Promise<void> {
  await onServer(serverUrl, [dropTemplate, `create database ${TEMPLATE_DATABASE}`]);
  const said: string[] = [];
  try {
    await migrate({
      url: urlOfDatabase(serverUrl, TEMPLATE_DATABASE),
      say: (line: string) => said.push(line),
    });
  } catch (error) {
    throw new Error(`the template database was not made:\n${said.join('\n')}`, { cause: error });
  }
}

/** The only statements that the launcher itself runs. */

export const createDatabase = (name: string): string => `create database "${name}"`;

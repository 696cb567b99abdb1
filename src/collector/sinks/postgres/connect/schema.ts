import { Client, type ClientBase, type ClientConfig } from 'pg';
import { DEFAULT_SCHEMA } from '../../../../config/postgres-settings.ts';

/** A text in quotes, with the cast that makes it the name of something; or the schema, as the first part of a name. */
const NAMES = new RegExp(`'(?:[^']|'')*'(?:::reg(?:class|namespace))?|\\b${DEFAULT_SCHEMA}(?=\\.)`, 'g');
const WORD = new RegExp(`\\b${DEFAULT_SCHEMA}\\b`, 'g');

/** The driver's, by which it sends every statement; its types do not say that a client has it. */
interface Wire {
  query(text: string): void;
  parse(statement: { readonly text: string }): void;
}

/**
 * The driver's client for the schema that the settings name. Every statement here is written for `enterprise`; a client of
 * another schema puts that one's name in its place, in names only: a value that reads the same stays what it is.
 *
 * @param schema an identifier that needs no quotes.
 */
export function clientOf(schema: string): typeof Client {
  if (schema === DEFAULT_SCHEMA) return Client;
  return class extends Client {
    readonly schema = schema;

    constructor(config?: string | ClientConfig) {
      super(config);
      const { connection } = this as unknown as { readonly connection: Wire };
      const { query, parse } = connection;
      connection.query = (text) => query.call(connection, renamed(text, schema));
      connection.parse = (statement) =>
        parse.call(connection, { ...statement, text: renamed(statement.text, schema) });
    }
  };
}

/** What a client's statements are about. */
export function schemaOf(client: ClientBase): string {
  return (client as ClientBase & { readonly schema?: string }).schema ?? DEFAULT_SCHEMA;
}

/** A text of ours without any user's values in it, for another schema: a migration, the head of a script. */
export function forSchema(text: string, schema: string): string {
  return text.replace(WORD, schema);
}

function renamed(statement: string, schema: string): string {
  return statement.replace(NAMES, (name) =>
    name.startsWith("'") && !name.includes("'::reg") ? name : name.replace(WORD, schema),
  );
}

// Reads a cache as applications do and prints what each client saw, as JSON: read.mjs URL TOKEN REPLICA-FILE MODULES
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [url, token, replicaFile, modules] = process.argv.slice(2);
const require = createRequire(pathToFileURL(modules + '/'));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { createClient } = await load('@libsql/client');
const { drizzle } = await load('drizzle-orm/libsql');
const { sqliteTable, integer, text, blob, numeric, real, customType } = await load('drizzle-orm/sqlite-core');
const { eq, gt, asc } = await load('drizzle-orm');

const authToken = token || undefined;
const plain = (value) => value instanceof ArrayBuffer ? { blob: Buffer.from(value).toString('hex') } : value;
const rowsOf = (result) => result.rows.map((row) => result.columns.map((_, i) => plain(row[i])));

const pgTimestamptz = customType({ dataType: () => 'DATETIME', fromDriver: (v) => new Date(v), toDriver: (d) => d.toISOString().replace('Z', '+00:00') });
const people = sqliteTable('people', {
  id: numeric('id', { mode: 'bigint' }).primaryKey(),
  name: text('name').notNull(),
  paid: integer('paid', { mode: 'boolean' }).notNull(),
  total: real('total'),
  exact: text('exact'),
  meta: text('meta', { mode: 'json' }),
  tags: text('tags', { mode: 'json' }),
  raw: blob('raw', { mode: 'buffer' }),
  at: pgTimestamptz('at'),
});

async function seenBy(client) {
  const db = drizzle(client);
  const all = await db.select().from(people).orderBy(asc(people.id));
  return {
    client: rowsOf(await client.execute('SELECT cast(id AS text), name, paid, total, exact, meta, tags, raw, at FROM people ORDER BY id')),
    drizzle: all.map((p) => ({ ...p, id: p.id.toString(), raw: p.raw && Buffer.from(p.raw).toString('hex'), at: p.at && p.at.toISOString() })),
    byKey: (await db.select({ name: people.name }).from(people).where(eq(people.id, 9007199254740993n))).map((p) => p.name),
    byTime: (await db.select({ name: people.name }).from(people).where(eq(people.at, new Date('2024-01-15T12:34:56.789Z')))).map((p) => p.name),
    dearer: (await db.select({ name: people.name }).from(people).where(gt(people.total, 9.99)).orderBy(asc(people.id))).map((p) => p.name),
  };
}

const http = createClient({ url, authToken });
const replica = createClient({ url: 'file:' + replicaFile, syncUrl: url, authToken });
await replica.sync();
const seen = { http: await seenBy(http), replica: await seenBy(replica) };
http.close();
replica.close();
console.log(JSON.stringify(seen));

// node read_drizzle.js SCHEMA.js URL [TOKEN] [REPLICA]: every table of a generated schema, {table: [{column: value}]} by
// the names the cache has. With REPLICA it is read from that file as an embedded replica of URL.
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { getTableColumns, getTableName, is } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { printTagged } from "./tagged.js";

const [path, url, authToken, replica] = process.argv.slice(2);
const schema = await import(pathToFileURL(path).href);
const client = replica ? createClient({ url: `file:${replica}`, syncUrl: url, authToken }) : createClient({ url, authToken });
if (replica) await client.sync();
const db = drizzle(client);
const all = {};
for (const table of Object.values(schema)) {
  if (!is(table, SQLiteTable)) continue;
  const columns = getTableColumns(table);
  const rows = await db.select().from(table);
  all[getTableName(table)] = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([property, value]) => [columns[property].name, value])));
}
printTagged(all);
client.close();

// node replica.js URL FILE SQL [TOKEN]: @libsql/client as an embedded replica, synced once, read from the file.
import { createClient } from "@libsql/client";
import { print } from "./rows.js";

const [syncUrl, file, sql, authToken] = process.argv.slice(2);
const client = createClient({ url: `file:${file}`, syncUrl, authToken });
await client.sync();
const result = await client.execute(sql);
print(result.rows.map((row) => Object.fromEntries(result.columns.map((name) => [name, row[name]]))));
client.close();

// node http.js URL SQL [TOKEN]: @libsql/client over HTTP.
import { createClient } from "@libsql/client";
import { print } from "./rows.js";

const [url, sql, authToken] = process.argv.slice(2);
const client = createClient({ url, authToken });
const result = await client.execute(sql);
print(result.rows.map((row) => Object.fromEntries(result.columns.map((name) => [name, row[name]]))));
client.close();

// node drizzle.js URL [TOKEN]: drizzle-orm with a schema of the table `people`.
import { createClient } from "@libsql/client";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { blob, integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { print } from "./rows.js";

const people = sqliteTable("people", {
  id: integer("id").primaryKey(),
  name: text("name"),
  balance: real("balance"),
  photo: blob("photo", { mode: "buffer" }),
  big: integer("big"),
  active: integer("active", { mode: "boolean" }),
  tags: text("tags", { mode: "json" }),
});

const [url, authToken] = process.argv.slice(2);
const client = createClient({ url, authToken });
print(await drizzle(client).select().from(people).where(eq(people.id, 1)));
client.close();

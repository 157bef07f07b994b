// node read_prisma.js CLIENT.js URL [TOKEN]: every model of a generated client, {model: [{field: value}]}.
import { pathToFileURL } from "node:url";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { printTagged } from "./tagged.js";

const [path, url, authToken] = process.argv.slice(2);
const { PrismaClient, Prisma } = await import(pathToFileURL(path).href);
const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url, authToken, intMode: "bigint" }) });
const all = {};
for (const model of Object.values(Prisma.ModelName)) {
  all[model] = await prisma[model[0].toLowerCase() + model.slice(1)].findMany();
}
printTagged(all);
await prisma.$disconnect();

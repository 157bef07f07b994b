// What every reader prints: rows as plain JSON, blobs as hex, 64-bit integers as text.
export function printable(value) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { hex: Buffer.from(value).toString("hex") };
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(printable);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, printable(field)]));
  }
  return value;
}

export function print(rows) {
  console.log(JSON.stringify(printable(rows)));
}

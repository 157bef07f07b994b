// Values of any client as JSON that keeps apart what JSON cannot: 64-bit integers, dates, decimals, bytes, specials.
export function tagged(value) {
  if (value === undefined) return { undefined: true };
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : { number: String(value) };
  if (typeof value === "bigint") return { bigint: String(value) };
  if (value instanceof Date) return { date: Number.isNaN(value.getTime()) ? null : value.getTime() };
  if (value instanceof Float32Array || value instanceof Float64Array) return { floats: Array.from(value) };
  if (value instanceof ArrayBuffer) return { hex: Buffer.from(value).toString("hex") };
  if (ArrayBuffer.isView(value)) return { hex: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  if (Array.isArray(value)) return value.map(tagged);
  if (typeof value.toFixed === "function" && "d" in value && "e" in value) return { decimal: String(value) };
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, tagged(field)]));
}

export function printTagged(value) {
  console.log(JSON.stringify(tagged(value)));
}

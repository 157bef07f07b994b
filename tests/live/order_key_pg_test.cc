// Order keys of random values against ORDER BY of a real Postgres, a few thousand of each type.
#include "mapping/order_key.h"

#include <cstdlib>
#include <ostream>

#include "tests/live/rows_pg.h"

namespace walbridge::mapping {
namespace {

struct Case {
  const char* kind;
  const char* random;  // SQL of one random value
  const char* edges;   // SQL list of further ones
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.kind; }

class OrderKeyPg : public testing::TestWithParam<Case> {};

std::string key_of(const Encoder& encoder, const std::string& text) {
  Arena scratch;
  SqlValue value;
  const Fault fault = encoder.encode(text, scratch, value);
  EXPECT_EQ(fault, nullptr) << text << " " << (fault == nullptr ? "" : fault);
  if (value.kind != SqlValue::Kind::Integer) return std::string(value.bytes);
  std::string bytes(8, '\0');  // compares as SQLite compares integers
  auto bits = static_cast<std::uint64_t>(value.integer) ^ (1ULL << 63);
  for (std::size_t i = 8; i-- > 0; bits >>= 8) bytes[i] = static_cast<char>(bits & 0xff);
  return bytes;
}

TEST_P(OrderKeyPg, SortsAsPostgresDoes) {
  const char* const url = std::getenv("WALBRIDGE_TEST_PG15_URL");
  if (url == nullptr) GTEST_SKIP() << "WALBRIDGE_TEST_PG15_URL is not set: run me under tests/support/with_servers.py";
  const Case& c = GetParam();
  live::PgSession pg(url);
  const std::string kind = c.kind;
  if (kind == "mood") pg.rows("CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok', 'happy', 'a', 'Z')");
  const std::string name = kind == "mood" ? "pg_temp.mood" : kind;
  pg.rows("CREATE TEMP TABLE v (v " + name + ")");
  pg.rows("SELECT setseed(0.42)");
  pg.rows(std::string("INSERT INTO v SELECT (") + c.random + ")::" + name + " FROM generate_series(1, 3000) AS g");
  pg.rows(std::string("INSERT INTO v SELECT e::text::") + name + " FROM unnest(ARRAY[" + c.edges + "]) AS e");
  const auto rows = pg.rows("SELECT v.v::text AS printed, dense_rank() OVER (ORDER BY v.v) FROM v ORDER BY v.v");
  ASSERT_GT(rows.size(), 3000U);

  auto type = std::make_shared<PgType>();
  type->kind = kind == "mood" ? "enum" : kind;
  type->sql = kind;
  if (kind == "mood") type->labels = {"sad", "ok", "happy", "a", "Z"};
  const auto stored = *compile_encoder(type, {});
  const auto compiled = compile_order_key(*type, *stored);
  ASSERT_TRUE(compiled) << describe(compiled.error());
  std::size_t different = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto before = key_of(**compiled, *rows[i - 1][0]);
    const auto now = key_of(**compiled, *rows[i][0]);
    if (rows[i - 1][1] == rows[i][1]) {
      EXPECT_EQ(before, now) << *rows[i - 1][0] << " and " << *rows[i][0];
    } else {
      EXPECT_LT(before, now) << *rows[i - 1][0] << " and " << *rows[i][0];
      ++different;
    }
  }
  EXPECT_GT(different, kind == "mood" ? 3U : 1000U);
}

const std::vector<Case> kCases = {
    {"numeric", "((random() - 0.5) * 10 ^ (g % 15))::numeric * 10::numeric ^ ((random() * 60)::int - 30)",
     "'NaN', 'Infinity', '-Infinity', '0', '0.000', '-0', '1.0', '1.00', '9.99', '10.00', '1e131071', '-1e131071', "
     "'1e-16383'"},
    {"float8", "(random() - 0.5) * 10 ^ ((random() * 600)::int - 300)",
     "'NaN', 'Infinity', '-Infinity', '0', '-0', '5e-324', '1.7976931348623157e308'"},
    {"float4", "(random() - 0.5) * 10 ^ ((random() * 70)::int - 35)",
     "'NaN', 'Infinity', '-Infinity', '0', '-0', '3.4028235e38'"},
    {"money", "((random() - 0.5) * 10 ^ (g % 15))::numeric", "'-92233720368547758.08', '92233720368547758.07', '0'"},
    {"interval",
     "make_interval(years => (random() * 200)::int - 100, months => (random() * 24)::int - 12, days => (random() * "
     "80)::int - 40, "
     "secs => (random() * 200000 - 100000)::numeric(12, 6)::float8)",
     "'0', '1 month', '30 days', '720 hours', '-1 month', '1 year', '360 days', '29 days 24:00:00'"},
    {"inet",
     "CASE g % 3 WHEN 0 THEN format('%s.%s.%s.%s/%s', (random() * 255)::int, (random() * 3)::int, (random() * 3)::int, "
     "(random() * "
     "255)::int, (random() * 32)::int) WHEN 1 THEN format('10.0.%s.%s', (random() * 255)::int, (random() * 255)::int) "
     "ELSE "
     "format('%s:%s::%s/%s', to_hex((random() * 65535)::int), to_hex((random() * 3)::int), to_hex((random() * "
     "65535)::int), (random() * "
     "128)::int) END",
     "'0.0.0.0/0', '255.255.255.255', '::/0', '::1', '::ffff:1.2.3.4', '10.0.0.0/8', '10.0.0.0/16', '10.0.0.1/8'"},
    {"cidr",
     "network(format('%s.%s.%s.%s/%s', (random() * 255)::int, (random() * 3)::int, (random() * 3)::int, (random() * "
     "255)::int, (random() "
     "* 32)::int)::inet)",
     "'0.0.0.0/0', '::/0', '10.0.0.0/8', '10.0.0.0/9', '2001:db8::/32'"},
    {"pg_lsn",
     "format('%s/%s', upper(to_hex((random() * 4000000)::int * (g % 3))), upper(to_hex((random() * 2000000000)::int)))",
     "'0/0', 'FFFFFFFF/FFFFFFFF', '9/0', '10/0'"},
    {"timetz",
     "format('%s%s%s:%s', time '00:00' + random() * interval '24 hours', CASE WHEN random() < 0.5 THEN '+' ELSE '-' "
     "END, (random() * "
     "12)::int, lpad(((random() * 3)::int * 15)::text, 2, '0'))",
     "'00:00:00+15:59', '24:00:00-15:59', '12:00:00+01', '11:00:00+00', '10:00:00-01', '12:00:00+00:00:30'"},
    {"timestamp", "timestamp '2000-01-01' + (random() - 0.5) * interval '1 day' * 10 ^ (g % 7)",
     "'infinity', '-infinity', '4713-11-24 00:00:00 BC', '0001-01-01', '0001-12-31 BC', '9999-12-31', '10000-01-01', "
     "'294246-12-31'"},
    {"timestamptz", "timestamptz '2000-01-01' + (random() - 0.5) * interval '1 day' * 10 ^ (g % 7)",
     "'infinity', '-infinity', '4713-11-25 00:00:00+00 BC', '0001-01-01', '0001-12-31 BC', '9999-12-31', "
     "'10000-01-01', '294246-12-31'"},
    {"date", "date '2000-01-01' + ((random() - 0.5) * 10 ^ (g % 7))::int",
     "'infinity', '-infinity', '4713-11-24 BC', '0001-01-01', '0001-12-31 BC', '9999-12-31', '10000-01-01', "
     "'294246-12-31'"},
    {"mood", "(ARRAY['sad', 'ok', 'happy', 'a', 'Z'])[1 + (random() * 4)::int]", "'sad'"},
};
std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.kind; }
INSTANTIATE_TEST_SUITE_P(Types, OrderKeyPg, testing::ValuesIn(kCases), name_of);

}  // namespace
}  // namespace walbridge::mapping

// Our publications against real servers: exactly the plan, with its filters, without breaking an update at the source.
#include "source-pg/publication_change.h"

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "source-pg/open.h"
#include "source-pg/publication.h"
#include "tests/live/described_tables.h"
#include "tests/live/pg_database.h"

namespace walbridge::live {
namespace {

using source_pg::Connection;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class PublicationTest : public PgDatabase {
 protected:
  PublishedTable table(const std::string& name, const std::string& where = "", bool append = false) {
    described_.push_back(described_table(config_, name));
    return {described_.back().get(), where, append};
  }
  Status ensure(const std::vector<PublishedTable>& tables) {
    return source_pg::ensure_publication(sql(), config_.source, tables);
  }
  void ensured(const std::vector<PublishedTable>& tables) {
    const auto status = ensure(tables);
    EXPECT_TRUE(status) << describe(status.error());
  }
  Status verify(const std::vector<PublishedTable>& tables) {
    return source_pg::verify_publication(sql(), config_.source, tables);
  }
  // "t (id > 5), u"
  std::string published(const std::string& name) {
    return value("SELECT coalesce(string_agg(r.prrelid::regclass::text" +
                 std::string(version() >= 15 ? " || coalesce(' ' || pg_get_expr(r.prqual, r.prrelid), '')" : "") +
                 ", ', ' ORDER BY r.prrelid::regclass::text), '') FROM pg_publication p JOIN pg_publication_rel r ON "
                 "r.prpubid = p.oid WHERE p.pubname = '" +
                 name + "'");
  }
  std::string members() {
    return value("SELECT coalesce(string_agg(oid::text, ' ' ORDER BY oid), '') FROM pg_publication_rel");
  }
  void create_slot() { run("SELECT pg_create_logical_replication_slot('" + config_.source.slot + "', 'pgoutput')"); }

 private:
  std::vector<std::shared_ptr<const SourceTable>> described_;
};

TEST_P(PublicationTest, KeepsTablesWithoutAnIdentityUpdatable) {
  run("CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE bare (id int); CREATE TABLE parts (id int) PARTITION BY "
      "RANGE (id); CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10)");
  const std::vector<PublishedTable> plan = {table("keyed", "", true), table("bare", "", true),
                                            table("parts", "", true)};
  const auto source = source_pg::open_source_admin(config_);
  for (const auto& finding : source->preflight(plan)) {
    EXPECT_NE(finding.severity, Finding::Severity::Error) << finding.subject << " " << finding.message;
  }
  ensured(plan);
  EXPECT_EQ(published("walbridge"), "keyed");
  EXPECT_EQ(published("walbridge_append"), "bare, part1");
  EXPECT_EQ(value("SELECT pubinsert || ' ' || pubupdate || ' ' || pubdelete || ' ' || pubtruncate FROM pg_publication "
                  "WHERE pubname = 'walbridge_append'"),
            "true false false true");
  EXPECT_TRUE(verify(plan));
  create_slot();
  run("INSERT INTO bare VALUES (1); UPDATE bare SET id = 2; DELETE FROM bare; INSERT INTO parts VALUES (1); UPDATE "
      "parts "
      "SET id = 2; INSERT INTO keyed VALUES (1); UPDATE keyed SET id = 2");

  // Without the word of the plan that rows are only added, neither is published.
  const auto before = members();
  const auto refused = ensure({table("keyed"), table("bare")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "replica-identity");
  EXPECT_THAT(refused.error().message, HasSubstr("public.bare"));
  EXPECT_EQ(members(), before) << "all or nothing";

  // With an identity it moves to the other publication, and back.
  run("ALTER TABLE bare REPLICA IDENTITY FULL");
  ensured({table("keyed"), table("bare", "", true)});
  EXPECT_EQ(published("walbridge"), "bare, keyed");
  EXPECT_EQ(published("walbridge_append"), "");
  run("ALTER TABLE bare REPLICA IDENTITY NOTHING");
  ensured({table("keyed"), table("bare", "", true)});
  EXPECT_EQ(published("walbridge_append"), "bare");

  run("ALTER PUBLICATION walbridge_append SET (publish = 'insert')");
  EXPECT_THAT(verify({table("bare", "", true)}).error().message, HasSubstr("does not publish truncate"));
  ensured({table("bare", "", true)});
  EXPECT_TRUE(verify({table("bare", "", true)}));

  const auto owned = source->owned();
  ASSERT_TRUE(owned);
  std::vector<std::string> names;
  for (const auto& object : *owned) {
    names.push_back(object.kind + " " + object.name);
    EXPECT_TRUE(source->drop(object));
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"slot " + config_.source.slot, std::string("publication walbridge"),
                                            std::string("publication walbridge_append")}));
  EXPECT_EQ(value("SELECT count(*) FROM pg_publication"), "0");
}

TEST_P(PublicationTest, StreamsBothPublications) {
  run("CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE bare (v text)");
  const std::vector<PublishedTable> plan = {table("keyed"), table("bare", "", true)};
  ensured(plan);
  const auto from =
      parse_lsn(value("SELECT lsn FROM pg_create_logical_replication_slot('" + config_.source.slot + "', 'pgoutput')"));
  ASSERT_TRUE(from);
  auto source = source_pg::open_source(config_);
  ASSERT_TRUE(source->start(*from));
  run("INSERT INTO bare VALUES ('a'); UPDATE bare SET v = 'b'; INSERT INTO keyed VALUES (1); UPDATE keyed SET id = 2; "
      "DELETE FROM bare; TRUNCATE bare; DELETE FROM keyed");
  std::string seen;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!seen.ends_with("D keyed ") && std::chrono::steady_clock::now() < deadline) {
    Chunk chunk;
    const auto took = source->poll(chunk, 1 << 20);
    ASSERT_TRUE(took) << describe(took.error());
    for (const auto& event : chunk.events) {
      if (const auto* row = std::get_if<RowChange>(&event)) {
        constexpr const char* kNames[] = {"I ", "U ", "D "};
        seen += kNames[static_cast<int>(row->op)] + row->relation->name + " ";
      }
      if (const auto* truncated = std::get_if<Truncated>(&event)) seen += "T " + truncated->relations[0]->name + " ";
    }
    if (!*took) source->wait(std::chrono::milliseconds(50), true);
  }
  EXPECT_EQ(seen, "I bare I keyed U keyed T bare D keyed ");
}

TEST_P(PublicationTest, TheSecondMustBeOlderThanTheSlot) {
  run("CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE bare (v text)");
  ensured({table("keyed")});
  EXPECT_EQ(value("SELECT string_agg(pubname, ' ' ORDER BY pubname) FROM pg_publication"), "walbridge walbridge_append")
      << "both from the beginning";
  run("DROP PUBLICATION walbridge_append");
  ensured({table("keyed")});
  EXPECT_EQ(value("SELECT count(*) FROM pg_publication"), "2") << "no slot yet";
  create_slot();
  run("DROP PUBLICATION walbridge_append");
  ensured({table("keyed")});
  const auto refused = ensure({table("keyed"), table("bare", "", true)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "publication");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  EXPECT_THAT(refused.error().message, HasSubstr("public.bare belongs into publication walbridge_append"));
}

TEST_P(PublicationTest, AddsOneTableAndLeavesTheRestAlone) {
  run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE bare (id int); CREATE "
      "TABLE stranger (id int PRIMARY KEY)");
  ensured({table("a", "id > 5")});
  run("ALTER PUBLICATION walbridge ADD TABLE stranger");
  create_slot();
  auto other = Connection::open(config_.source, Connection::Kind::Ordinary, "shop");
  ASSERT_TRUE(other);
  const auto b = table("b", "id > 7");
  ASSERT_TRUE(other->execute("BEGIN; LOCK TABLE a, stranger IN SHARE UPDATE EXCLUSIVE MODE; INSERT INTO b VALUES (1)"));
  const std::string a = version() >= 15 ? "a (id > 5)" : "a";
  auto added = source_pg::publish_table(sql(), config_.source, b);
  ASSERT_TRUE(added) << describe(added.error());
  EXPECT_TRUE(*added);
  EXPECT_EQ(published("walbridge"), a + (version() >= 15 ? ", b (id > 7), stranger" : ", b, stranger"));
  added = source_pg::publish_table(sql(), config_.source, b);
  ASSERT_TRUE(added);
  EXPECT_FALSE(*added);
  added = source_pg::publish_table(sql(), config_.source, table("bare", "", true));
  ASSERT_TRUE(added) << describe(added.error());
  EXPECT_EQ(published("walbridge_append"), "bare");
  ASSERT_TRUE(other->execute("ROLLBACK"));
  EXPECT_TRUE(verify({table("a", "id > 5"), table("b", "id > 7"), table("bare", "", true)}));

  const auto late = described_table(config_, "a");
  run("CREATE TABLE c (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) "
      "TO "
      "(9)");
  const auto c = described_table(config_, "c");
  const SourceTable* const tables[] = {late.get(), c.get()};
  auto missing = source_pg::unpublished(sql(), config_.source, tables);
  ASSERT_TRUE(missing);
  EXPECT_THAT(*missing, UnorderedElementsAre(c->oid));
  run("DROP TABLE c");
  missing = source_pg::unpublished(sql(), config_.source, tables);
  ASSERT_TRUE(missing);
  EXPECT_TRUE(missing->empty()) << "what is gone is not missing";
}

TEST_P(PublicationTest, WaitsShortlyForLocksAndNamesTheirHolders) {
  run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)");
  ensured({table("b")});
  auto other = Connection::open(config_.source, Connection::Kind::Ordinary, "shop");
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute("BEGIN; LOCK TABLE a IN SHARE UPDATE EXCLUSIVE MODE"));
  const std::vector<PublishedTable> plan = {table("a")};
  const auto refused = ensure(plan);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().verdict, Verdict::Retry);
  EXPECT_EQ(refused.error().code, "55P03");
  EXPECT_THAT(refused.error().message, HasSubstr("pid " + std::to_string(other->backend_pid()) + " (shop, open for "));
  EXPECT_EQ(published("walbridge"), "b") << "all or nothing";
  ASSERT_TRUE(other->execute("ROLLBACK"));
  ensured(plan);
  EXPECT_EQ(published("walbridge"), "a");
}

class PublicationFilterTest : public PublicationTest {};

TEST_P(PublicationFilterTest, FollowsThePlan) {
  run("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE bare (v text)");
  ensured({table("a", "id > 5 and id % 2 = 0"), table("b"), table("bare", "v <> 'x'", true)});
  EXPECT_EQ(published("walbridge"), "a ((id > 5) AND ((id % 2) = 0)), b");
  EXPECT_EQ(published("walbridge_append"), "bare (v <> 'x'::text)");
  const std::vector<PublishedTable> plan = {table("a", "id > 5 and id % 2 = 0"), table("b"),
                                            table("bare", "v <> 'x'", true)};
  auto before = members();
  EXPECT_TRUE(verify(plan));
  ensured(plan);
  EXPECT_EQ(members(), before) << "nothing changed, so nothing was touched";
  run("ALTER TABLE a RENAME COLUMN id TO key");
  EXPECT_TRUE(verify(plan)) << "the same filter under another name";
  run("ALTER TABLE a RENAME COLUMN key TO id");

  ensured({table("a"), table("b", "id = 1")});
  EXPECT_EQ(published("walbridge"), "a, b (id = 1)");
  EXPECT_EQ(published("walbridge_append"), "");
  ensured({table("a", "id < 3"), table("b", "id = 1")});
  EXPECT_EQ(published("walbridge"), "a (id < 3), b (id = 1)");

  ensured({table("a", "id  <  3"), table("b", "id = 1")});
  before = members();
  ensured({table("a", "id  <  3"), table("b", "id = 1")});
  EXPECT_EQ(members(), before) << "the same filter in other words is settled after one change";
  run("ALTER PUBLICATION walbridge SET TABLE a WHERE (id < 2), b WHERE (id = 1)");
  const auto changed = verify({table("a", "id < 3"), table("b", "id = 1")});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().verdict, Verdict::Gap);
  EXPECT_THAT(changed.error().message, HasSubstr("filters rows of public.a"));
  ensured({table("a", "id < 3"), table("b", "id = 1")});
  EXPECT_EQ(published("walbridge"), "a (id < 3), b (id = 1)");
  EXPECT_TRUE(verify({table("a", "id < 3"), table("b", "id = 1")}));
}

TEST_P(PublicationFilterTest, IsRefusedWhereItWouldBreakUpdates) {
  run("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text); ALTER TABLE b REPLICA "
      "IDENTITY FULL; INSERT INTO a VALUES (1, 'x')");
  ensured({table("a")});
  const auto refused = ensure({table("a", "v = 'x'")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "publication-filter");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  EXPECT_THAT(refused.error().message, HasSubstr("public.a refers to columns outside its replica identity (v)"));
  EXPECT_EQ(published("walbridge"), "a") << "as it was";
  run("UPDATE a SET v = 'y'");
  ensured({table("a"), table("b", "v = 'x'")});
  run("INSERT INTO b VALUES (1, 'x'); UPDATE b SET v = 'y'");

  auto added = source_pg::publish_table(sql(), config_.source, table("a", "v = 'x'"));
  ASSERT_TRUE(added) << "is published already, without a filter";
  run("ALTER PUBLICATION walbridge DROP TABLE a");
  added = source_pg::publish_table(sql(), config_.source, table("a", "v = 'x'"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, "publication-filter");
  EXPECT_EQ(published("walbridge"), "b (v = 'x'::text)");

  const auto nonsense = ensure({table("a", "no_such_column = 1")});
  ASSERT_FALSE(nonsense);
  EXPECT_EQ(nonsense.error().verdict, Verdict::Operator) << describe(nonsense.error());
  EXPECT_EQ(
      value(
          "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE '%in transaction%'"),
      "0");
}

// What somebody else keeps from the stream is noticed and put right; what we keep from it ourselves is not a finding.
TEST_P(PublicationFilterTest, IsTakenForAForeignOneUnlessItIsOurs) {
  run("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text); CREATE TABLE bare (v "
      "text)");
  const std::vector<PublishedTable> plan = {table("a", "id > 5"), table("b"), table("bare", "v <> 'x'", true)};
  ensured(plan);
  const SourceTable* const tables[] = {plan[0].table, plan[1].table, plan[2].table};
  const auto lost = [&] {
    auto found = source_pg::unpublished(sql(), config_.source, tables);
    EXPECT_TRUE(found);
    return found ? *found : std::vector<std::uint32_t>{};
  };
  const auto restored = [&](const PublishedTable& wanted) {
    const auto changed = source_pg::publish_table(sql(), config_.source, wanted);
    EXPECT_TRUE(changed && *changed);
  };
  EXPECT_THAT(lost(), testing::IsEmpty());

  run("ALTER PUBLICATION walbridge SET TABLE a WHERE (id > 5), b WHERE (id < 100)");
  EXPECT_THAT(lost(), UnorderedElementsAre(plan[1].table->oid)) << "ours is as it was, in a new membership";
  restored(plan[1]);
  EXPECT_EQ(published("walbridge"), "a (id > 5), b");
  EXPECT_THAT(lost(), testing::IsEmpty());

  run("ALTER PUBLICATION walbridge SET TABLE a WHERE (id > 7), b");
  EXPECT_THAT(lost(), UnorderedElementsAre(plan[0].table->oid)) << "ours was replaced";
  restored(plan[0]);
  EXPECT_EQ(published("walbridge"), "a (id > 5), b");
  EXPECT_THAT(lost(), testing::IsEmpty());

  run("ALTER PUBLICATION walbridge SET TABLE a WHERE (id > 5), b (id)");
  EXPECT_THAT(lost(), UnorderedElementsAre(plan[1].table->oid)) << "a list of columns";
  restored(plan[1]);
  EXPECT_EQ(value("SELECT count(*) FROM pg_publication_rel WHERE prattrs IS NOT NULL"), "0");
  EXPECT_THAT(lost(), testing::IsEmpty());

  run("ALTER PUBLICATION walbridge_append SET TABLE bare WHERE (v = 'y')");
  EXPECT_THAT(lost(), UnorderedElementsAre(plan[2].table->oid));
  restored(plan[2]);
  EXPECT_EQ(published("walbridge_append"), "bare (v <> 'x'::text)");
  run("ALTER PUBLICATION walbridge_append SET (publish = 'truncate')");
  EXPECT_THAT(lost(), UnorderedElementsAre(plan[2].table->oid)) << "inserts are not published";
  ensured(plan);
  EXPECT_THAT(lost(), testing::IsEmpty());
}

WALBRIDGE_EVERY_POSTGRES(PublicationTest);
// Row filters came with 15.
INSTANTIATE_TEST_SUITE_P(Pg, PublicationFilterTest, ::testing::Values(15, 16, 17, 18),
                         [](const auto& server) { return std::to_string(server.param); });

}  // namespace
}  // namespace walbridge::live

#include "source-pg/publication.h"

#include <gmock/gmock.h>

#include <string>

namespace walbridge::source_pg {
namespace {

using ::testing::HasSubstr;

SourceTable table(std::uint32_t oid, const std::string& name, bool key) {
  SourceTable made;
  made.oid = oid;
  made.schema = "public";
  made.name = name;
  if (key) {
    SourceIndex index;
    index.primary = index.unique = true;
    index.key = {{1}};
    made.indexes = {index};
  }
  return made;
}

PublicationState with(std::vector<std::uint32_t> heaps) {
  PublicationState state;
  state.exists = true;
  state.heaps = std::move(heaps);
  return state;
}

TEST(PublicationNote, SurvivesItsComment) {
  PublicationNote note{true, {{16385, {"00ff", "11ee"}}, {4294967295U, {"a", "b"}}}};
  const auto comment = to_comment(note, "shop");
  EXPECT_EQ(comment, "created by walbridge for slot shop; filters 16385:00ff:11ee 4294967295:a:b");
  const auto read = parse_note(comment);
  EXPECT_TRUE(read.ours);
  ASSERT_EQ(read.filters.size(), 2U);
  EXPECT_EQ(read.filters.at(16385).wanted, "00ff");
  EXPECT_EQ(read.filters.at(4294967295U).placed, "b");
}

TEST(PublicationNote, TakesAnyComment) {
  EXPECT_FALSE(parse_note("").ours);
  EXPECT_FALSE(parse_note("; filters 1:a:b").ours);
  for (const std::string rest : {"", "; filters", "; filters ", "; filters x", "; filters 1",
                                 "; filters 1:", "; filters 1:a", "; filters 99999999999:a:b", "; filters 1:a:b 2"}) {
    const auto note = parse_note("created by walbridge for slot s" + rest);
    EXPECT_TRUE(note.ours) << rest;
    EXPECT_EQ(note.filters.size(), rest.ends_with(" 2") ? 1U : 0U) << rest;
  }
}

TEST(PublicationName, StaysWithinTheLengthOfAName) {
  EXPECT_EQ(append_publication_name("orders"), "orders_append");
  EXPECT_EQ(append_publication_name(std::string(63, 'x')), std::string(56, 'x') + "_append");
}

TEST(PublicationIdentity, IsWhatThePublisherWouldUse) {
  auto t = table(1, "t", true);
  EXPECT_TRUE(has_usable_identity(t));
  t.indexes[0].immediate = false;
  EXPECT_FALSE(has_usable_identity(t)) << "deferrable";
  t.replica_identity = ReplicaIdentity::Full;
  EXPECT_TRUE(has_usable_identity(t));
  t.replica_identity = ReplicaIdentity::Nothing;
  EXPECT_FALSE(has_usable_identity(t));
  t.replica_identity = ReplicaIdentity::Index;
  t.indexes[0].immediate = true;
  EXPECT_FALSE(has_usable_identity(t)) << "its index is gone";
  t.indexes[0].replica_identity = true;
  EXPECT_TRUE(has_usable_identity(t));
}

TEST(PublicationProblem, LooksForEachTableInItsPublication) {
  const auto keyed = table(1, "keyed", true);
  const auto bare = table(2, "bare", false);
  const PublishedTable tables[] = {{&keyed, "", true}, {&bare, "", true}};
  std::string fix;
  auto state = with({1});
  EXPECT_THAT(publication_problem(state, "p", tables, fix), HasSubstr("publication p_append does not exist"));
  EXPECT_EQ(
      fix,
      R"(CREATE PUBLICATION "p_append" FOR TABLE ONLY "public"."bare" WITH (publish = 'insert, truncate', publish_via_partition_root = false))");
  auto append = with({});
  append.not_published = {"update", "delete"};
  state.append = std::make_shared<const PublicationState>(append);
  EXPECT_THAT(publication_problem(state, "p", tables, fix), HasSubstr("publication p_append lacks public.bare"));
  append.heaps = {2};
  state.append = std::make_shared<const PublicationState>(append);
  EXPECT_EQ(publication_problem(state, "p", tables, fix), "");
  state.heaps.clear();
  EXPECT_THAT(publication_problem(state, "p", tables, fix), HasSubstr("publication p lacks public.keyed"));
}

TEST(PublicationProblem, ToleratesOnlyOurOwnFilters) {
  const auto keyed = table(1, "keyed", true);
  const PublishedTable tables[] = {{&keyed, "id > 5", false}};
  std::string fix;
  auto state = with({1});
  state.filters[1] = {"public.keyed", "placed"};
  EXPECT_THAT(publication_problem(state, "p", tables, fix), HasSubstr("filters rows of public.keyed"));
  state.note.filters[1] = {"wanted", "placed"};
  EXPECT_EQ(publication_problem(state, "p", tables, fix), "");
  state.note.filters[1] = {"wanted", "placed before somebody changed it"};
  EXPECT_THAT(publication_problem(state, "p", tables, fix), HasSubstr("filters rows of public.keyed"));
}

}  // namespace
}  // namespace walbridge::source_pg

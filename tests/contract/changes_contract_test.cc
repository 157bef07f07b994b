// Every operation on rows with and without a key, in the order it was given.
#include "tests/contract/contract_suite.h"

namespace walbridge::testing {
namespace {

Values order(std::int64_t id, const char* name, std::int64_t leaf = 0) {
  return {integer(id), text(name), null(), null(), integer(leaf)};
}

TEST_P(Contract, UpsertReplacesTheWholeRow) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), text("old"), real(1.5), blob("x"), integer(1)}));
  ASSERT_OK(upsert(*sink, orders, {integer(1), null(), real(2.5), null(), integer(2)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({integer(1), null(), real(2.5), null(), integer(2)})}), rows(orders));
}

TEST_P(Contract, UpsertByAKeyOfSeveralColumns) {
  const auto table = positions_table();
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, table, {text("a"), integer(1), text("one")}));
  ASSERT_OK(upsert(*sink, table, {text("a"), integer(2), text("two")}));
  ASSERT_OK(upsert(*sink, table, {text("b"), integer(1), text("three")}));
  ASSERT_OK(upsert(*sink, table, {text("a"), integer(2), text("four")}));
  ASSERT_OK(erase(*sink, table, {text("b"), integer(1)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({text("a"), integer(1), text("one")}), row({text("a"), integer(2), text("four")})}), rows(table));
}

TEST_P(Contract, UpsertOfATableThatIsAllKey) {
  const auto table = make_table(104, "links", {"a BIGINT", "b BIGINT"}, {0, 1});
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  for (int i = 0; i < 2; ++i) ASSERT_OK(upsert(*sink, table, {integer(1), integer(2)}));
  ASSERT_OK(upsert(*sink, table, {integer(1), integer(3)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({integer(1), integer(2)}), row({integer(1), integer(3)})}), rows(table));
}

// Key order is not column order.
TEST_P(Contract, MatchGoesByKeyOrder) {
  const auto table = make_table(105, "swapped", {"a BIGINT", "b TEXT", "c BIGINT"}, {2, 0});
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, table, {integer(1), text("x"), integer(10)}));
  ASSERT_OK(upsert(*sink, table, {integer(10), text("y"), integer(1)}));
  ASSERT_OK(update(*sink, table, {integer(10), integer(1)}, {absent(), text("z"), absent()}));
  ASSERT_OK(erase(*sink, table, {integer(1), integer(10)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({integer(1), text("z"), integer(10)})}), rows(table));
}

TEST_P(Contract, UpdateKeepsWhatItDoesNotCarry) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), text("name"), real(1.5), blob("toast"), integer(1)}));
  ASSERT_OK(update(*sink, orders, {integer(1)}, {integer(1), null(), real(2.5), absent(), integer(1)}));
  ASSERT_OK(update(*sink, orders, {integer(1)}, {absent(), absent(), absent(), absent(), integer(9)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({integer(1), null(), real(2.5), blob("toast"), integer(9)})}), rows(orders));
}

TEST_P(Contract, UpdateMayMoveTheKey) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, {integer(1), text("name"), null(), blob("toast"), integer(1)}));
  ASSERT_OK(update(*sink, orders, {integer(1)}, {integer(2), text("moved"), null(), absent(), integer(1)}));
  ASSERT_OK(upsert(*sink, orders, order(1, "new")));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({integer(1), text("new"), null(), null(), integer(0)}),
                  row({integer(2), text("moved"), null(), blob("toast"), integer(1)})}),
            rows(orders));
}

TEST_P(Contract, KeysMayBeSwappedWithinATransaction) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, order(1, "a")));
  ASSERT_OK(upsert(*sink, orders, order(2, "b")));
  ASSERT_OK(sink->commit(at(2000)));
  ASSERT_OK(sink->begin());
  for (const auto& [from, to, name] : {std::tuple(1, 3, "a"), std::tuple(2, 1, "b"), std::tuple(3, 2, "a")}) {
    ASSERT_OK(erase(*sink, orders, {integer(from)}));
    ASSERT_OK(upsert(*sink, orders, order(to, name)));
  }
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(Rows({row(order(1, "b")), row(order(2, "a"))}), rows(orders));
}

TEST_P(Contract, OneRowManyTimesInOneTransaction) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, order(1, "first")));
  ASSERT_OK(update(*sink, orders, {integer(1)}, {absent(), text("second"), absent(), absent(), absent()}));
  ASSERT_OK(erase(*sink, orders, {integer(1)}));
  ASSERT_OK(upsert(*sink, orders, order(1, "third", 3)));
  ASSERT_OK(update(*sink, orders, {integer(1)}, {absent(), absent(), real(0.5), absent(), absent()}));
  ASSERT_OK(upsert(*sink, orders, order(2, "gone")));
  ASSERT_OK(erase(*sink, orders, {integer(2)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row({integer(1), text("third"), real(0.5), null(), integer(3)})}), rows(orders));
}

TEST_P(Contract, DeleteOfAMissingKeyIsFine) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(erase(*sink, orders, {integer(1)}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_TRUE(rows(orders).empty());
}

// The change is refused by apply() or by commit(), which must name the table; in neither case is anything half done.
TEST_P(Contract, UpdateOfAMissingRowIsPoison) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, order(1, "kept")));
  auto poisoned = update(*sink, orders, {integer(2)}, {absent(), text("x"), absent(), absent(), absent()});
  const bool at_once = !poisoned;
  if (!at_once) poisoned = sink->commit(at(2000));
  ASSERT_FALSE(poisoned);
  EXPECT_EQ(Verdict::PoisonRow, poisoned.error().verdict);
  EXPECT_EQ("row-missing", poisoned.error().code);
  EXPECT_EQ("orders", poisoned.error().table);
  if (!at_once) {
    sink->abandon();
    EXPECT_TRUE(rows(orders).empty());
    return;
  }
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row(order(1, "kept"))}), rows(orders));
}

TEST_P(Contract, RowsWithoutAKeyAreTakenOneByOne) {
  const auto events = events_table();
  const auto sink = filled({&events});
  ASSERT_OK(sink->begin());
  for (int i = 0; i < 3; ++i) ASSERT_OK(insert(*sink, events, {text("a"), integer(1)}));
  ASSERT_OK(insert(*sink, events, {null(), integer(2)}));
  ASSERT_OK(insert(*sink, events, {null(), null()}));
  ASSERT_OK(insert(*sink, events, {text("A"), integer(1)}));
  ASSERT_OK(sink->commit(at(2000)));
  ASSERT_OK(sink->begin());
  ASSERT_OK(erase(*sink, events, {text("a"), integer(1)}));
  ASSERT_OK(update(*sink, events, {text("a"), integer(1)}, {text("b"), integer(1)}));
  ASSERT_OK(update(*sink, events, {null(), integer(2)}, {null(), integer(3)}));
  ASSERT_OK(erase(*sink, events, {null(), null()}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(sorted({row({text("a"), integer(1)}), row({text("b"), integer(1)}), row({null(), integer(3)}),
                    row({text("A"), integer(1)})}),
            rows(events));
}

TEST_P(Contract, TruncateTakesAllRows) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  for (std::int64_t i = 0; i < 100; ++i) ASSERT_OK(upsert(*sink, orders, order(i, "x")));
  ASSERT_OK(truncate(*sink, orders));
  ASSERT_OK(upsert(*sink, orders, order(7, "after")));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(Rows({row(order(7, "after"))}), rows(orders));
}

TEST_P(Contract, TruncateOfALeafTakesItsRows) {
  const auto orders = orders_table();
  const auto sink = filled({&orders});
  ASSERT_OK(sink->begin());
  for (std::int64_t i = 0; i < 10; ++i) ASSERT_OK(upsert(*sink, orders, order(i, "x", 4'000'000'000 + i % 2)));
  ASSERT_OK(sink->commit(at(2000)));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, orders, order(10, "x", 4'000'000'000)));
  ASSERT_OK(truncate_leaf(*sink, orders, 4, 4'000'000'000));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(5U, rows(orders).size());
  for (const auto& stored : rows(orders)) EXPECT_EQ(integer_cell(4'000'000'001), stored.back());
}

TEST_P(Contract, SeveralTablesInOneTransaction) {
  const auto orders = orders_table();
  const auto events = events_table();
  const auto positions = positions_table();
  const auto sink = filled({&orders, &events, &positions});
  ASSERT_OK(sink->begin());
  for (std::int64_t i = 0; i < 50; ++i) {
    ASSERT_OK(upsert(*sink, orders, order(i, "x")));
    ASSERT_OK(insert(*sink, events, {text("made"), integer(i)}));
    ASSERT_OK(upsert(*sink, positions, {text("p"), integer(i), null()}));
  }
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(50U, rows(orders).size());
  EXPECT_EQ(50U, rows(events).size());
  EXPECT_EQ(50U, rows(positions).size());
}

// Two versions of one plan may stand at the same address, one after the other.
TEST_P(Contract, TableObjectsMayChangeBetweenTransactions) {
  auto table = positions_table();
  const auto other = make_table(106, "other", {"code TEXT", "line BIGINT", "note TEXT"}, {0, 1});
  const auto sink = filled({&table, &other});
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, table, {text("a"), integer(1), text("positions")}));
  ASSERT_OK(sink->commit(at(2000)));
  table = other;
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, table, {text("a"), integer(1), text("other")}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(Rows({row({text("a"), integer(1), text("other")})}), rows(other));
  EXPECT_EQ(Rows({row({text("a"), integer(1), text("positions")})}), rows(positions_table()));
}

}  // namespace
}  // namespace walbridge::testing

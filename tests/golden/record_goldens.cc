// Rewrites tests/golden/pgoutput/pgNN from live servers: every WALBRIDGE_TEST_PGNN_URL that is set. Each case runs in
// a database of its own, `walbridge_golden`, which is dropped first and last. Arguments: names of cases (default: all).
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "source-pg/connection.h"
#include "tests/golden/decode_golden.h"
#include "tests/golden/golden_file.h"

namespace walbridge::golden {
namespace {

namespace fs = std::filesystem;
using source_pg::Connection;

struct Case {
  std::string purpose;
  std::vector<std::string> script;  // as it is written
  std::vector<std::string> setup;   // statements
  std::vector<std::string> record;
};

template <class T>
T unwrap(Result<T> result) {
  if (!result) throw std::runtime_error(describe(result.error()));
  return *std::move(result);
}

// A statement ends with the line that ends with a semicolon.
Case read_case(const fs::path& path) {
  std::ifstream in(path);
  Case read;
  std::vector<std::string>* section = nullptr;
  std::string statement;
  for (std::string line; std::getline(in, line);) {
    if (read.purpose.empty()) {
      read.purpose = line.substr(3);
      continue;
    }
    read.script.push_back(line);
    if (line == "-- setup") {
      section = &read.setup;
    } else if (line == "-- record") {
      section = &read.record;
    } else {
      statement += line + "\n";
      if (!line.ends_with(';')) continue;
      section->push_back(statement);
      statement.clear();
    }
  }
  return read;
}

Connection connect(const std::string& url) {
  config::Source source;
  source.url = config::Secret(url);
  return unwrap(Connection::open(source, Connection::Kind::Ordinary, "record-goldens"));
}

std::string in_database(const std::string& url, const std::string& database) {
  return std::regex_replace(url, std::regex("^(\\w+://[^/?]*)(/[^?]*)?"), "$1/" + database);
}

void run(Connection& connection, const std::vector<std::string>& statements) {
  for (const std::string& statement : statements) unwrap(connection.query(statement, statement));
}

GoldenFile record(const std::string& url, const Case& what) {
  Connection connection = connect(in_database(url, "walbridge_golden"));
  run(connection, what.setup);
  if (unwrap(connection.query("select 1 from pg_publication")).size() == 0) {
    run(connection, {"create publication golden for all tables"});
  }
  run(connection, {"select pg_create_logical_replication_slot('walbridge_golden', 'pgoutput')"});
  run(connection, what.record);
  const source_pg::Rows rows = unwrap(connection.query(
      "select encode(data, 'hex') from pg_logical_slot_get_binary_changes('walbridge_golden', null, null, "
      "'proto_version', '1', 'publication_names', 'golden', 'messages', 'true')",
      "reading the slot"));
  GoldenFile golden{what.purpose, what.script, {}, {}};
  for (int i = 0; i < rows.size(); ++i) golden.wire.push_back(from_hex(rows.string(i, 0)));
  golden.dump = decode_and_dump(golden.wire);
  run(connection, {"select pg_drop_replication_slot('walbridge_golden')"});
  return golden;
}

void clean(Connection& admin) {
  run(admin, {"select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name='walbridge_golden'",
              "drop database if exists walbridge_golden with (force)",
              "select pg_replication_origin_drop(roname) from pg_replication_origin where roname = 'elsewhere'"});
}

void record_version(const std::string& version, const std::string& url, const std::set<std::string>& wanted) {
  const fs::path folder = fs::path(WALBRIDGE_TEST_DATA) / "golden/pgoutput";
  for (const auto& entry : fs::directory_iterator(folder / "cases")) {
    const std::string name = entry.path().stem().string();
    if (!wanted.empty() && !wanted.contains(name)) continue;
    Connection admin = connect(url);
    clean(admin);
    run(admin, {"create database walbridge_golden template template0"});
    write_golden(folder / ("pg" + version) / (name + ".golden"), record(url, read_case(entry.path())));
    clean(admin);
  }
}

}  // namespace
}  // namespace walbridge::golden

int main(int argc, char** argv) {
  const std::set<std::string> wanted(argv + 1, argv + argc);
  int versions = 0;
  for (const char* version : {"14", "15", "16", "17", "18"}) {
    const std::string variable = std::string("WALBRIDGE_TEST_PG") + version + "_URL";
    const char* url = std::getenv(variable.c_str());
    if (url == nullptr) continue;
    ++versions;
    try {
      walbridge::golden::record_version(version, url, wanted);
    } catch (const std::exception& failure) {
      std::cerr << "postgres " << version << ": " << failure.what() << '\n';
      return 1;
    }
    std::cout << "recorded postgres " << version << '\n';
  }
  if (versions == 0) std::cerr << "set WALBRIDGE_TEST_PG14_URL … WALBRIDGE_TEST_PG18_URL\n";
  return versions == 0 ? 2 : 0;
}

"""The rules of the house as tables: who may include whom, which library has which home, which words stay where."""

import re

# module -> modules it may include besides itself. cli, tests and bench see everybody.
INCLUDE_EDGES = {
    "config": set(),
    "pipeline/api": set(),
    "mapping": {"pipeline/api", "config"},
    "source-pg": {"pipeline/api", "config"},
    "sink-libsql": {"pipeline/api", "config"},
    "pipeline": {"pipeline/api", "mapping", "config"},
}
EVERYBODY = {"cli", "tests", "bench"}

# library: (its headers, where it may be used). tests and bench may use what they test against.
LIBRARY_HOMES = {
    "libpq": (r"libpq-fe\.h|libpq/.*|pg_config.*\.h|postgresql/.*", r"source-pg/"),
    "SQLite": (r"sqlite3\.h", r"sink-libsql/"),
    "libcurl": (r"curl/.*", r"sink-libsql/"),
    "yaml-cpp": (r"yaml-cpp/.*", r"config/"),
    "libpg_query": (r"pg_query\.h|pg_query/.*", r"mapping/"),
    "OpenSSL": (r"openssl/.*", r"mapping/|source-pg/"),
    "librdkafka": (r"librdkafka/.*", r"pipeline/kafka/"),
    "prometheus-cpp": (r"prometheus/.*", r"pipeline/\w*metrics\w*\.(cc|h)"),
    "CLI11": (r"CLI/.*", r"cli/"),
    "spdlog": (r"spdlog/.*", r"pipeline/api/log\.cc"),
    "cpp-httplib": (r"httplib\.h", r"pipeline/admin\w*\.cc|cli/"),
    "GoogleTest": (r"g(test|mock)/.*", r"tests/"),
    "Google Benchmark": (r"benchmark/.*", r"bench/"),
}
LIBRARIES_FREE_FOR = re.compile(r"(tests|bench)/")

# (words, where they may stand, why). Searched in code without comments and literals.
BANNED_IN_CODE = [
    (r"\bstd::(j?thread)\b", r"pipeline/\w*(runner|admin)\w*\.|source-pg/|sink-libsql/|cli/|tests/|bench/",
     "threads live in the runner and the adapters"),
    (r"\bsleep_(for|until)\b|\b(u|nano)?sleep\s*\(", r"pipeline/\w*runner\w*\.|pipeline/(api/|system_)clock\.|source-pg/|sink-libsql/|tests/(live|contract)/",
     "nothing sleeps but the runner and the adapters; only tests with real servers may, between two looks at a condition"),
    (r"\b(system|steady|high_resolution)_clock\b|\bclock_gettime\b|\bgettimeofday\b",
     r"pipeline/\w*(runner|admin)\w*\.|pipeline/(api/|system_)clock\.|pipeline/kafka/rdkafka|source-pg/|sink-libsql/|cli/|tests/|bench/",
     "time comes from the Clock, so that a simulation can give it"),
    (r"\bstd::rand\b|\bs?rand\s*\(|\brandom_device\b", r"pipeline/\w*runner\w*\.|source-pg/|sink-libsql/|cli/|bench/",
     "luck comes from a seed"),
    (r"\bgetenv\b", r"config/|pipeline/api/failpoint\.cc|cli/|tests/|bench/", "the environment is read by config"),
    (r"\bstd::c(out|err|log)\b|\b(std::)?printf\s*\(|\bputs\s*\(", r"cli/|tests/|bench/",
     "the library logs; only commands print"),
    (r"catch\s*\(\s*\.\.\.\s*\)", r"(?!)", "say what is caught"),
]

# (words, where they may stand, why). Searched in every line of every text file.
BANNED_IN_TEXT = [
    (r"\b" + "FIX" + r"ME\b|\bX" + r"XX\b", r"(?!)", "mend it or write it down where work is planned"),
    (r"\bTO" + r"DO\b(?!\()", r"(?!)", "a leftover names its owner and the condition that removes it"),
    (r"(?<![\w.])/(work|home|root|Users)/\w", r"(?!)", "absolute path of a machine"),
    (r"\.\./" + "shared", r"(?!)", "path outside the repository"),
    (r"\b(registry\.(npm|yarn)\w*|npmjs\.(org|com)|files\.pythonhosted|pypi\.org|deb\.debian|proxy\.golang|crates\.io)", r"(?!)",
     "registries are the package managers' business"),
    (r"\b[Ii]ssue #?\d", r"(?!)", "the code outlives the tracker"),
]

MAX_LINES = 500

#!/usr/bin/python3
"""Starts private servers, runs a command with their addresses in its environment, stops them, passes the exit code on.

  with_servers.py --pg 15,17 --sqld --tursodb --kafka -- ctest --preset dev -L live

Sets WALBRIDGE_TEST_PG15_URL (superuser) and so on, WALBRIDGE_TEST_SQLD_URL (no authentication), and with --sqld-auth
WALBRIDGE_TEST_SQLD_AUTH_URL, WALBRIDGE_TEST_SQLD_TOKEN, WALBRIDGE_TEST_SQLD_RO_TOKEN, WALBRIDGE_TEST_SQLD_EXPIRED_TOKEN;
WALBRIDGE_TEST_TURSODB_URL; with --kafka WALBRIDGE_TEST_KAFKA_BROKERS, and of its SASL_SSL listener WALBRIDGE_TEST_KAFKA_SASL_BROKERS,
WALBRIDGE_TEST_KAFKA_CA, WALBRIDGE_TEST_KAFKA_USER, WALBRIDGE_TEST_KAFKA_PASSWORD."""

import argparse
import os
import pathlib
import signal
import subprocess
import sys

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.postgres import VERSIONS, Postgres  # noqa: E402
from tests.support.sqld import Sqld  # noqa: E402
from tests.support.tursodb import Tursodb  # noqa: E402


def versions(text):
    if text == "all":
        return list(VERSIONS)
    chosen = [int(v) for v in text.split(",") if v]
    for version in chosen:
        if version not in VERSIONS:
            raise argparse.ArgumentTypeError(f"no Postgres {version}: one of {', '.join(map(str, VERSIONS))}, or all")
    return chosen


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pg", type=versions, default=[], metavar="15,17|all", help="Postgres versions to start")
    parser.add_argument("--sqld", action="store_true", help="start sqld without authentication")
    parser.add_argument("--sqld-auth", action="store_true", help="start a second sqld that asks for a JWT")
    parser.add_argument("--tursodb", action="store_true", help="start tursodb --sync-server")
    parser.add_argument("--kafka", action="store_true", help="start a Kafka broker")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND [ARGUMENTS]")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command given after --")

    def interrupted(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, interrupted)

    servers, environment = [], dict(os.environ)
    child = None
    try:
        for version in options.pg:
            servers.append(Postgres(version))
            servers[-1].start()
            environment[f"WALBRIDGE_TEST_PG{version}_URL"] = servers[-1].url()
        if options.sqld:
            servers.append(Sqld())
            environment["WALBRIDGE_TEST_SQLD_URL"] = servers[-1].start().url
        if options.sqld_auth:
            servers.append(Sqld(auth=True))
            environment["WALBRIDGE_TEST_SQLD_AUTH_URL"] = servers[-1].start().url
            environment["WALBRIDGE_TEST_SQLD_TOKEN"] = servers[-1].token("rw")
            environment["WALBRIDGE_TEST_SQLD_RO_TOKEN"] = servers[-1].token("ro")
            environment["WALBRIDGE_TEST_SQLD_EXPIRED_TOKEN"] = servers[-1].token("rw", expires_in=-3600)
        if options.tursodb:
            servers.append(Tursodb())
            environment["WALBRIDGE_TEST_TURSODB_URL"] = servers[-1].start().url
        if options.kafka:
            from tests.support import kafka  # needs a module that the others do without
            servers.append(kafka.KafkaBroker(secure=True))
            environment.update(kafka.environment_of(servers[-1].start()))
        child = subprocess.Popen(command, env=environment)
        code = child.wait()
        return code if code >= 0 else 128 - code
    except KeyboardInterrupt:
        return 130
    except FileNotFoundError as error:
        print(f"with_servers: {error}", file=sys.stderr)
        return 2
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
        for server in reversed(servers):
            server.remove()


if __name__ == "__main__":
    sys.exit(main())

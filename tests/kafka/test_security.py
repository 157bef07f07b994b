"""TLS, passwords and certificates: what works, and what is said when it does not. No secret in any output."""

import pytest

from tests.support.kafka import PASSWORD, SCRAM_PASSWORD, KafkaBroker

from .setting import DONE, UNUSABLE, Servers, said_by

WRONG = "wrong-pa55-of-bob"
SECRETS = (PASSWORD, SCRAM_PASSWORD, WRONG)


class SecureServers(Servers):
    @property
    def broker(self):
        return self._server("broker", lambda: KafkaBroker(secure=True))


@pytest.fixture(scope="module")
def servers():
    servers = SecureServers()
    yield servers
    servers.close()


def sasl(broker, **changes):
    properties = {"security.protocol": "sasl_ssl", "ssl.ca.location": str(broker.tls["ca"]), "sasl.mechanism": "PLAIN", "sasl.username": "bob",
                  "sasl.password": PASSWORD}
    properties.update({name.replace("_", "."): value for name, value in changes.items()})
    return {"brokers": broker.sasl_brokers, "properties": properties}


def mtls(broker, certificate=True):
    properties = {"security.protocol": "ssl", "ssl.ca.location": str(broker.tls["ca"])}
    if certificate:
        properties |= {"ssl.certificate.location": str(broker.tls["client-certificate"]), "ssl.key.location": str(broker.tls["client-key"])}
    return {"brokers": broker.mtls_brokers, "properties": properties}


def assert_no_secret(*texts):
    for text in texts:
        for secret in SECRETS:
            assert secret not in text, f"a secret in:\n{text.replace(secret, '*****')}"


@pytest.mark.parametrize("way", [sasl, mtls])
def test_works_over(way, servers, make_pipe):
    pipe = make_pipe(kafka=way(servers.broker))
    pipe.applier()
    pipe.start()
    pipe.write(20)
    pipe.settle()
    for bridge in pipe.running():
        check = bridge.command("check", "--json")
        status = bridge.command("status", "--json")
        plan = bridge.command("plan")
        assert_no_secret(said_by(check), said_by(status), said_by(plan), bridge.get("/metrics")[1], bridge.get("/status")[1])
    pipe.stop()
    assert_no_secret(*(bridge.log_path.read_text(errors="replace") for bridge in pipe.running()))


def test_password_from_a_file_and_from_the_environment(servers, make_pipe):
    pipe = make_pipe(kafka=sasl(servers.broker))
    pipe.applier()
    secret = pipe.directory / "secret"
    secret.write_text(PASSWORD + "\n")
    pipe.publisher.config["kafka"]["properties"]["sasl.password"] = {"file": str(secret)}
    pipe.publisher.write_config()
    bridge = pipe.appliers[0].bridge
    bridge.config["kafka"]["properties"]["sasl.password"] = "${KAFKA_PASSWORD}"
    bridge.write_config()
    bridge.environment["KAFKA_PASSWORD"] = PASSWORD
    pipe.start()
    pipe.settle()


REFUSED = {
    "wrong password": (lambda b: sasl(b, sasl_password=WRONG), "authentication"),
    "wrong CA": (lambda b: sasl(b, ssl_ca_location=str(b.tls["other-ca"])), "certificate"),
    "no client certificate": (lambda b: mtls(b, certificate=False), ""),
    "plain to TLS": (lambda b: {"brokers": b.sasl_brokers}, ""),
    "TLS to plain": (lambda b: {**sasl(b), "brokers": b.brokers}, ""),
    "mechanism the broker has not": (lambda b: sasl(b, sasl_mechanism="SCRAM-SHA-512"), ""),
}


@pytest.mark.parametrize("role", ["publish", "apply"])
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, role, servers, make_pipe):
    kafka, word = REFUSED[case]
    pipe = make_pipe(kafka=kafka(servers.broker))
    bridge = pipe.publisher if role == "publish" else pipe.applier().bridge
    result = bridge.command("run", "--once", timeout=60)
    said = said_by(result)
    assert result.returncode == UNUSABLE, said
    assert "[kafka-" in said or "code=kafka-" in said, f"no code:\n{said}"
    assert word in said.lower() and ("what to do" in said or "remedy" in said), said
    assert_no_secret(said)
    check = bridge.command("check")
    assert check.returncode != DONE, said_by(check)
    assert "kafka-" in said_by(check), said_by(check)
    assert_no_secret(said_by(check))


def test_scram_with_a_library_that_cannot(servers, make_pipe):
    """Before 2.6.1 librdkafka's SCRAM is refused by brokers of today as if the password were wrong: said before it is tried."""
    import confluent_kafka
    pipe = make_pipe(kafka=sasl(servers.broker, sasl_mechanism="SCRAM-SHA-256", sasl_username="alice", sasl_password=SCRAM_PASSWORD))
    result = pipe.publisher.command("check")
    assert_no_secret(said_by(result))
    if confluent_kafka.libversion()[1] < 0x020601FF:
        assert result.returncode != DONE and "kafka-scram" in said_by(result), said_by(result)
        once = pipe.publisher.command("run", "--once")
        assert once.returncode in (2, UNUSABLE) and "kafka-scram" in said_by(once), said_by(once)
    else:
        pipe.applier()
        pipe.start()
        pipe.settle()


def test_password_changed_under_way(servers, make_pipe):
    """A connection that is lost and whose password is not taken any more: waits and says why, does not end."""
    pipe = make_pipe(kafka=sasl(servers.broker))
    pipe.applier()
    pipe.start()
    pipe.write(10)
    pipe.drain()
    broker = servers.broker
    good = broker.config.read_text()
    broker.stop()
    broker.config.write_text(good.replace(PASSWORD, "another-pa55"))
    broker.start()
    try:
        pipe.write(5)
        pipe.wait(lambda: "authentication" in pipe.publisher.log().lower(), "the publisher to say why")
        assert not pipe.publisher.ready()
    finally:
        broker.stop()
        broker.config.write_text(good)
        broker.start()
    pipe.settle()
    assert_no_secret(*(bridge.log_path.read_text(errors="replace") for bridge in pipe.running()))

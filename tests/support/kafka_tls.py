"""Certificates for a broker and its clients, made by openssl: PEM files in one directory."""

import subprocess


def _openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def _authority(directory, name):
    _openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def _signed(directory, name, subject, alternative):
    (directory / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
    _openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    _openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-extfile", f"{name}.ext", "-out", f"{name}.crt")


def make(directory):
    """{"ca", "other-ca", "broker" (key and certificate in one), "client-certificate", "client-key"}: paths."""
    _authority(directory, "ca")
    _authority(directory, "other-ca")
    _signed(directory, "broker", "127.0.0.1", "IP:127.0.0.1,DNS:localhost")
    _signed(directory, "client", "walbridge", "DNS:client")
    both = directory / "broker.pem"
    both.write_text("".join((directory / name).read_text() for name in ("broker.key", "broker.crt", "ca.pem")))
    return {"ca": directory / "ca.pem", "other-ca": directory / "other-ca.pem", "broker": both,
            "client-certificate": directory / "client.crt", "client-key": directory / "client.key"}

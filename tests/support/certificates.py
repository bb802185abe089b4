"""A certificate authority of a test's own, and what it signs."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


class Authority:
    """Its own certificate is in ``path``, PEM."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.path = folder / f"{name}.pem"
        made = self._certificate(self._name, self._key.public_key(), days=2)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        signed = (
            made.add_extension(constraints, critical=True)
            .add_extension(own, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, days: int = 2) -> list[str]:
        """Redis' arguments for a certificate of ``host``; expired with a negative ``days``."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._certificate(_name(host), key.public_key(), days)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = (
            made.add_extension(names, critical=False)
            .add_extension(own, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        certificate, private = (
            self._folder / f"{host}{days}.pem",
            self._folder / f"{host}{days}.key",
        )
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return [
            *("--tls-cert-file", str(certificate), "--tls-key-file", str(private)),
            *("--tls-ca-cert-file", str(self.path), "--tls-auth-clients", "no"),
        ]

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        now = dt.datetime.fromtimestamp(self._folder.stat().st_mtime, dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 5 * _DAY)
            .not_valid_after(now + days * _DAY)
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport against a real server on the loopback interface."""

from __future__ import annotations

import base64
import contextlib
import datetime
import gzip
import ipaddress
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure, Unreachable
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import deadline_reads
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import transport as transport_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.client import Client, ClientOptions
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.connection import choose_authentication
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    NotSent,
    RawAnswer,
    RequestsTransport,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.http_server import Server, serving


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "unit test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(scope="module")
def secure(certificate: Path) -> Iterator[Server]:
    with serving(certificate) as server:
        yield server


def url(server: Server, path: str = "/", scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.port}{path}"


def fetch(address: str, *, verify: bool | str = True, timeout: float = 5.0, cert: str | None = None) -> RawAnswer:
    return RequestsTransport(verify, cert).send("GET", address, {}, None, timeout)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_request_is_sent_and_its_answer_read(plain: Server) -> None:
    content = '{"a": "Größe"}'.encode()
    answer = RequestsTransport(True, None).send("POST", url(plain, "/plain?x=1"), {"X-Team": "search"}, content, 5.0)
    assert (answer.status, answer.content) == (200, b'{"ok": true}')
    method, path, headers, body = plain.requests[-1]
    assert (method, path, body) == ("POST", "/plain?x=1", content)
    assert headers["X-Team"] == "search"


def test_a_connection_is_kept_alive(plain: Server) -> None:
    plain.connections.clear()
    transport = RequestsTransport(True, None)
    for _count in range(4):
        transport.send("GET", url(plain), {}, None, 5.0)
    assert len(plain.connections) == 1


def test_a_compressed_answer_is_decompressed(plain: Server) -> None:
    assert fetch(url(plain, "/gzip")).content == b'{"compressed": true}'


def test_a_chunked_answer_is_joined(plain: Server) -> None:
    assert fetch(url(plain, "/chunked")).content == b'{"a": 1}'


def test_an_empty_answer_has_no_content(plain: Server) -> None:
    assert fetch(url(plain, "/empty")).content == b""


def test_a_redirect_is_not_followed(plain: Server) -> None:
    answer = fetch(url(plain, "/redirect"))
    assert (answer.status, answer.headers["location"]) == (302, "/plain")


def test_credentials_of_a_netrc_file_are_not_sent(
    plain: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login joe password s3cret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    fetch(url(plain))
    assert "Authorization" not in plain.requests[-1][2]
    header = "Basic " + base64.b64encode(b"me:mine").decode()
    RequestsTransport(True, None).send("GET", url(plain), {"Authorization": header}, None, 5.0)
    assert plain.requests[-1][2]["Authorization"] == header


def hang_up(connection: socket.socket, how: str) -> None:
    if how == "after the greeting":
        connection.recv(65536)
    if how == "by a reset":
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def listening(treat: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port that passes its only connection to ``treat`` and closes it."""

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            treat(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


class TestFailures:
    def test_a_refused_connection_is_not_sent(self) -> None:
        with pytest.raises(NotSent, match="refused"):
            fetch(f"http://127.0.0.1:{closed_port()}/")

    def test_an_unknown_host_is_not_sent(self) -> None:
        with pytest.raises(NotSent) as caught:
            fetch("http://no-such-host.invalid/")
        assert "0x" not in str(caught.value)

    def test_a_connect_timeout_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # A listener whose queue is full accepts no more connections.
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            waiting = []
            for _count in range(3):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(full.getsockname())
            with pytest.raises(NotSent, match=r"no connection within 0\.3 s"):
                fetch(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=0.3)
            for each in waiting:
                each.close()

    def test_a_read_timeout_is_no_answer(self, plain: Server) -> None:
        with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
            fetch(url(plain, "/silent"), timeout=0.3)

    def test_an_answer_must_be_complete_within_the_timeout(self, plain: Server) -> None:
        start = time.monotonic()
        with pytest.raises(NoAnswer, match=r"not complete within 0\.3 s"):
            fetch(url(plain, "/drip"), timeout=0.3)
        assert time.monotonic() - start < 2

    def test_urllib3_1_is_supported(self) -> None:
        class Raw:
            headers: dict[str, str] = {}

            def stream(self, size: int, *, decode_content: bool) -> Iterator[bytes]:
                assert not decode_content
                yield from (b"a", b"b")

        assert transport_module.read_all(deadline_reads.chunks(Raw())) == b"ab"

    def test_an_incomplete_answer_is_no_answer(self, plain: Server) -> None:
        with pytest.raises(NoAnswer, match="broke off"):
            fetch(url(plain, "/cut"))

    def test_a_connection_closed_without_an_answer_is_no_answer(self, plain: Server) -> None:
        with pytest.raises(NoAnswer):
            fetch(url(plain, "/hangup"))

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_an_unreachable_proxy_is_not_sent(self, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{closed_port()}")
        with pytest.raises(NotSent):
            fetch(f"{scheme}://opensearch.test/")

    def test_a_proxy_that_hangs_up_is_no_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The proxy may have forwarded the request, so a create must not be sent again."""
        with listening(lambda connection: hang_up(connection, "after the greeting")) as port:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            with pytest.raises(NoAnswer):
                fetch("http://opensearch.test/")

    def test_a_proxy_that_opens_no_tunnel_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n")

        with listening(refuse) as port:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
            with pytest.raises(NotSent):
                fetch("https://opensearch.test/")

    def test_the_text_of_a_server_is_not_trusted(self) -> None:
        def lie(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(b"NewConnectionError ProxyError Tunnel connection failed\r\n\r\n")

        with listening(lie) as port, pytest.raises(NoAnswer):
            fetch(f"http://127.0.0.1:{port}/")

    def test_several_gzip_members_are_decompressed(self) -> None:
        class Raw:
            headers = {"Content-Encoding": "x-gzip"}

            def stream(self, size: int, *, decode_content: bool) -> Iterator[bytes]:
                yield gzip.compress(b"one, ") + gzip.compress(b"two")[:9]
                yield gzip.compress(b"two")[9:]

        assert transport_module.read_all(deadline_reads.chunks(Raw())) == b"one, two"

    def test_sockets_of_pyopenssl_are_supported(self) -> None:
        """requests before 2.24 creates them if pyOpenSSL is installed."""
        ours, theirs = socket.socketpair()
        with ours, theirs:

            class Wrapped:
                socket = ours

                def settimeout(self, timeout: float | None) -> None:
                    ours.settimeout(timeout)

                def makefile(self, *args: Any, **options: Any) -> Any:
                    return ours.makefile(*args, **options)

            ours.settimeout(5)
            theirs.sendall(b"read")
            buffer = bytearray(4)
            with contextlib.closing(deadline_reads._DeadlineSocket(Wrapped())) as reader:  # type: ignore[arg-type] # no socket, as urllib3's
                assert reader.readinto(buffer) == 4
            assert bytes(buffer) == b"read"

    def test_an_answer_that_is_too_large_is_refused(self, plain: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 2**20)
        plain.large = 2**20
        assert len(fetch(url(plain, "/large")).content) == 2**20
        plain.large += 1
        with pytest.raises(Failure, match="larger than 1 MiB") as caught:
            fetch(url(plain, "/large"))
        assert caught.value.code == "answer_too_large"

    @pytest.mark.parametrize("address", ["http://", "http:///x", "nonsense", "http://a b/", "http://[::1/"])
    def test_an_unusable_url_is_refused(self, address: str) -> None:
        with pytest.raises(Failure, match="no usable URL") as caught:
            fetch(address)
        assert caught.value.code == "invalid_input"

    @pytest.mark.parametrize("value", ["s3cret\u2013key", "s3cret\nkey", "s3cret\r\nX-Evil: 1", " s3cret"])
    @pytest.mark.parametrize("name", ["Authorization", "X-Team"])
    def test_a_header_value_that_cannot_be_sent_is_refused(self, plain: Server, name: str, value: str) -> None:
        sent = len(plain.requests)
        with pytest.raises(Failure, match="'headers', 'token', 'username', 'api_key' or an AWS option") as caught:
            RequestsTransport(True, None).send("GET", url(plain), {name: value}, None, 5.0)
        assert caught.value.code == "invalid_input"
        assert "s3cret" not in caught.value.message
        assert caught.value.__cause__ is None
        assert len(plain.requests) == sent

    def test_a_header_name_that_cannot_be_sent_is_refused(self, plain: Server) -> None:
        for name in ("X\u2013Team", "X-Team\n"):
            with pytest.raises(Failure) as caught:
                RequestsTransport(True, None).send("GET", url(plain), {name: "search"}, None, 5.0)
            assert caught.value.code == "invalid_input"

    def test_a_missing_library_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport_module, "HAS_REQUESTS", False)
        with pytest.raises(Failure) as caught:
            RequestsTransport(True, None)
        assert caught.value.code == "library_missing"
        assert f"{sys.executable} -m pip install requests" in caught.value.remedy


class TestTls:
    def test_a_trusted_certificate_is_accepted(self, secure: Server, certificate: Path) -> None:
        assert fetch(url(secure, scheme="https"), verify=str(certificate)).status == 200

    def test_an_untrusted_certificate_is_refused(self, secure: Server) -> None:
        with pytest.raises(Failure, match=r"not trusted: .*certificate") as caught:
            fetch(url(secure, scheme="https"))
        assert caught.value.code == "tls_not_trusted"
        assert "0x" not in caught.value.message

    def test_validation_can_be_turned_off(self, secure: Server, recwarn: pytest.WarningsRecorder) -> None:
        assert fetch(url(secure, scheme="https"), verify=False).status == 200
        assert list(recwarn) == []

    def test_a_certificate_of_another_host_is_refused(self, secure: Server, certificate: Path) -> None:
        with pytest.raises(Failure) as caught:
            fetch(f"https://localhost:{secure.port}/", verify=str(certificate))
        assert caught.value.code == "tls_not_trusted"

    def test_the_environment_does_not_override_options(
        self, secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/does/not/exist.pem")
        assert fetch(url(secure, scheme="https"), verify=str(certificate)).status == 200
        assert fetch(url(secure, scheme="https"), verify=False).status == 200

    def test_a_port_without_tls_is_reported(self, plain: Server) -> None:
        with pytest.raises(Failure, match="does not answer in TLS") as caught:
            fetch(url(plain, scheme="https"))
        assert caught.value.code == "tls_to_plain_port"

    @pytest.mark.parametrize("how", ["at once", "after the greeting", "by a reset"])
    def test_a_connection_closed_during_the_handshake_is_not_sent(self, how: str) -> None:
        with listening(lambda connection: hang_up(connection, how)) as port, pytest.raises(
            NotSent, match=r"closed|reset"
        ):
            fetch(f"https://127.0.0.1:{port}/")

    def test_a_connection_closed_during_the_handshake_is_unreachable(self) -> None:
        with listening(lambda connection: hang_up(connection, "at once")) as port:
            client = Client(
                [f"https://127.0.0.1:{port}"],
                RequestsTransport(True, None),
                choose_authentication({}),
                ClientOptions(retries=0),
            )
            with pytest.raises(Unreachable, match="closed before TLS was agreed on") as caught:
                client.create("/x", {})
        assert caught.value.code == "unreachable"

    def test_a_connection_closed_after_the_handshake_is_no_answer(self, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

        def read_and_close(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                assert secured.recv(4)
                # Below TLS, so that TLS is not closed properly.
                secured.shutdown(socket.SHUT_RDWR)

        with listening(read_and_close) as port, pytest.raises(NoAnswer):
            fetch(f"https://127.0.0.1:{port}/", verify=str(certificate))

    def test_plain_http_to_a_tls_port_is_no_answer(self, secure: Server) -> None:
        with pytest.raises(NoAnswer):
            fetch(url(secure))

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"verify": "/missing.pem"}, "ca_path"),
            ({"cert": "/missing.pem"}, "client_cert"),
            ({"cert": (__file__, "/missing.pem")}, "client_key"),
        ],
        ids=["ca_path", "client_cert", "client_key"],
    )
    def test_missing_files_are_reported(self, secure: Server, options: dict[str, Any], named: str) -> None:
        with pytest.raises(Failure, match=rf"^{named}: /missing\.pem cannot be read .*: No such file") as caught:
            fetch(url(secure, scheme="https"), **options)
        assert caught.value.code == "invalid_input"

    def test_invalid_certificate_files_are_reported(self, secure: Server, certificate: Path, tmp_path: Path) -> None:
        broken = tmp_path / "broken.pem"
        broken.write_text("no certificate", encoding="utf-8")
        with pytest.raises(Failure):
            fetch(url(secure, scheme="https"), verify=str(certificate), cert=str(broken))
        with pytest.raises(Failure):
            fetch(url(secure, scheme="https"), verify=str(broken))

    @pytest.mark.parametrize("key", ["none", "another"])
    def test_a_client_certificate_needs_its_own_key(
        self, secure: Server, certificate: Path, tmp_path: Path, key: str
    ) -> None:
        alone = tmp_path / "alone.pem"
        pem = certificate.read_text(encoding="utf-8")
        alone.write_text(pem[pem.index("-----BEGIN CERTIFICATE") :], encoding="utf-8")
        foreign = tmp_path / "foreign.pem"
        foreign.write_bytes(
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        transport = RequestsTransport(str(certificate), str(alone) if key == "none" else (str(alone), str(foreign)))
        with pytest.raises(Failure, match="'client_cert' and 'client_key'") as caught:
            transport.send("GET", url(secure, scheme="https"), {}, None, 5.0)
        assert caught.value.code == "invalid_input"

    def test_an_untrusted_server_is_not_blamed_on_the_client_certificate(
        self, secure: Server, certificate: Path
    ) -> None:
        with pytest.raises(Failure) as caught:
            fetch(url(secure, scheme="https"), cert=str(certificate))
        assert caught.value.code == "tls_not_trusted"


class TestStreams:
    """Streams and files over a real connection."""

    def test_stream_in_chunks(self) -> None:
        with serving() as server:
            answer = RequestsTransport(True, None).stream(
                "POST", f"http://127.0.0.1:{server.port}/chunked", {}, b"x", 5.0
            )
            assert (answer.status, b"".join(answer.chunks)) == (200, b'{"a": 1}')

    def test_stream_that_breaks_off(self) -> None:
        with serving() as server:
            answer = RequestsTransport(True, None).stream("GET", f"http://127.0.0.1:{server.port}/cut", {}, None, 5.0)
            with pytest.raises(NoAnswer, match="broke off"):
                list(answer.chunks)

    def test_silent_server(self) -> None:
        with serving() as server, pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
            RequestsTransport(True, None).stream("GET", f"http://127.0.0.1:{server.port}/silent", {}, None, 0.3)

    def test_file_is_sent(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"GGUF" * 100000)
        with serving() as server, (tmp_path / "f").open("rb") as file:
            RequestsTransport(True, None).send("POST", f"http://127.0.0.1:{server.port}/plain", {}, file, 5.0)
            assert server.requests[-1][3] == b"GGUF" * 100000

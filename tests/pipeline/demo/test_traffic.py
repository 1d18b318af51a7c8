import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.core.errors import PipelineError
from pipeline.demo.traffic import Service, send

RESPONSE = b'{"predictions": [{"id": "x-0"}]}'


@contextmanager
def responding(status: bytes, content: bytes, requests: int) -> Iterator[str]:
    """A server for `requests` requests, one per connection, which it closes although HTTP/1.1 keeps it open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(requests):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(content))
                    connection.sendall(head + content)

        listener.settimeout(60)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)


def test_a_connection_that_the_service_closed_is_opened_again() -> None:
    with responding(b"200 OK", RESPONSE, 3) as url:
        service = Service(url)
        assert [service.predict({}, "x") for _ in range(3)] == ["x-0"] * 3


def test_a_refused_row_is_an_error_with_the_services_reason() -> None:
    with (
        responding(b"422 Unprocessable", b'{"error": "rows[0].age is missing"}', 1) as url,
        pytest.raises(PipelineError, match=r"refused a row \(422\): rows\[0\].age is missing"),
    ):
        list(send(Service(url), [{}], "x", None))


def test_another_server_on_the_port_is_not_accepted() -> None:
    with responding(b"200 OK", b"<html>", 1) as url, pytest.raises(PipelineError, match="no service of this project"):
        Service(url).release()


def test_a_deployments_public_port_does_not_name_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = {"/release": 404, "/readyz": 200}
    monkeypatch.setattr(Service, "_request", lambda _self, _method, path: (statuses[path], None))
    assert Service("http://127.0.0.1:1").release() == "(not named on this port)"


@pytest.mark.parametrize("url", ["127.0.0.1:3000", "https://host", "http://", "http://host:port", "http://[x"])
def test_a_bad_address_is_refused(url: str) -> None:
    with pytest.raises(PipelineError, match="is not the address of a service"):
        Service(url)

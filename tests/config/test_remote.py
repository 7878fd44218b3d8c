from __future__ import annotations

import pytest
from pydantic import ValidationError

from livesr.config.remote import Remote
from livesr.config.session import Segmentation


def test_a_server_may_stand_in_the_engines_name() -> None:
    found = Segmentation.model_validate({"engine": "remote:gpu.lab:8001", "remote": {"tls": True}})
    assert found.engine == "remote"
    assert found.remote is not None
    assert (found.remote.url, found.remote.fallback) == ("gpu.lab:8001", True)
    assert found.remote.tls is not None
    again = Segmentation.model_validate(found.model_dump(mode="json"))
    assert again == found


def test_engine_remote_needs_a_server() -> None:
    with pytest.raises(ValidationError, match="needs a server"):
        Segmentation(engine="remote")


@pytest.mark.parametrize("url", ["host", "http://host:1", "unix:/tmp/s", "a b:1", "host:", ""])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValidationError):
        Remote(url=url)


@pytest.mark.parametrize("url", ["host:8001", "10.0.0.1:1", "[::1]:8001"])
def test_addresses(url: str) -> None:
    assert Remote(url=url).url == url


def test_a_key_without_its_certificate_is_refused() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        Remote.model_validate({"url": "host:1", "tls": {"key": "me.key"}})
    assert Remote.model_validate({"url": "host:1", "tls": False}).tls is None

"""The configuration as hooks read it: attributes, what is derived from them, and that it is only a view."""

import copy
import grp
import os
import pickle
import pwd
from ipaddress import ip_network
from typing import Any

import pytest
from tricorn.address import parse_address
from tricorn.config import Config

VALUES: dict[str, Any] = {
    "bind": ["127.0.0.1:8000"],
    "workers": 3,
    "threads": 1,
    "worker_class": "sync",
    "user": 1,
    "group": 2,
    "proc_name": None,
    "default_proc_name": "app:app",
    "certfile": None,
    "keyfile": None,
    "ciphers": None,
    "raw_env": [],
    "raw_paste_global_conf": [],
    "sendfile": None,
    "reuse_port": False,
    "forwarded_allow_ips": ["127.0.0.1", "::1"],
    "proxy_allow_ips": ["*", "10.0.0.0/8"],
}


class Custom:
    """A worker class given as an object."""


@pytest.mark.parametrize(
    ("changed", "name", "expected"),
    [
        ({}, "workers", 3),
        ({}, "worker_class", "sync"),
        ({}, "worker_class_str", "sync"),
        ({"threads": 2}, "worker_class_str", "gthread"),
        ({"threads": 2, "worker_class": "pkg.SyncWorker"}, "worker_class_str", "gthread"),
        ({"threads": 2, "worker_class": "gevent"}, "worker_class_str", "gevent"),
        ({"worker_class": Custom}, "worker_class_str", "Custom"),
        ({"bind": ["h:1", "unix:/p"]}, "address", [("h", 1), "/p"]),
        ({}, "uid", 1),
        ({"user": None}, "uid", os.geteuid()),
        ({"user": "17"}, "uid", 17),
        ({"user": pwd.getpwuid(0).pw_name}, "uid", 0),
        ({}, "gid", 2),
        ({"group": None}, "gid", os.getegid()),
        ({"group": "17"}, "gid", 17),
        ({"group": grp.getgrgid(0).gr_name}, "gid", 0),
        ({}, "proc_name", "app:app"),
        ({"proc_name": "shop"}, "proc_name", "shop"),
        ({}, "is_ssl", False),
        ({"certfile": "c"}, "is_ssl", True),
        ({"keyfile": "k"}, "is_ssl", True),
        ({"ciphers": "X"}, "ssl_options", {"keyfile": None, "certfile": None, "ciphers": "X"}),
        ({}, "env", {}),
        ({"raw_env": None}, "env", {}),
        ({"raw_env": ["A=1", "B=x=y", "C="]}, "env", {"A": "1", "B": "x=y", "C": ""}),
        ({"raw_paste_global_conf": None}, "paste_global_conf", None),
        ({"raw_paste_global_conf": [r"a\=b=c\=d=e"]}, "paste_global_conf", {"a=b": "c=d=e"}),
        ({"sendfile": True}, "sendfile", True),
        ({"sendfile": False}, "sendfile", False),
        ({}, "reuse_port", False),
    ],
)
def test_attribute(changed: dict[str, Any], name: str, expected: Any) -> None:
    assert getattr(Config.finished({**VALUES, **changed}), name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, True),
        ("1", True),
        ("Yes", True),
        ("y", True),
        ("TRUE", True),
        ("0", False),
        ("no", False),
        ("", False),
    ],
)
def test_sendfile_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str | None, expected: bool
) -> None:
    monkeypatch.delenv("SENDFILE", raising=False)
    if text is not None:
        monkeypatch.setenv("SENDFILE", text)
    assert Config.finished(VALUES).sendfile is expected
    assert Config.finished({**VALUES, "sendfile": True}).sendfile is True


def test_allowed_networks() -> None:
    cfg = Config.finished(VALUES)
    assert cfg.forwarded_allow_networks() == [ip_network("127.0.0.1/32"), ip_network("::1/128")]
    assert cfg.proxy_allow_networks() == [ip_network("10.0.0.0/8")]


def test_settings_tell_value_and_default() -> None:
    setting = Config.finished(VALUES).settings["workers"]
    assert (setting.name, setting.get(), setting.value, setting.default) == ("workers", 3, 3, 1)


def test_settings_cannot_be_assigned_to() -> None:
    cfg = Config.finished(VALUES)
    for change in (
        lambda: setattr(cfg, "workers", 9),
        lambda: delattr(cfg, "workers"),
        lambda: cfg.set("workers", 9),
    ):
        with pytest.raises(AttributeError, match=r"^Invalid access!$"):
            change()
    with pytest.raises(TypeError):
        cfg.settings["workers"] = None  # type: ignore[index]
    assert cfg.workers == 3


def test_unknown_names() -> None:
    cfg = Config.finished(VALUES)
    for access in (lambda: cfg.no_such, lambda: cfg.set("no_such", 1)):
        with pytest.raises(AttributeError, match="No configuration setting for: no_such"):
            access()
    cfg.extra = 1  # an attribute of the user's own
    assert cfg.extra == 1
    del cfg.extra
    assert not hasattr(cfg, "extra")


def test_a_config_can_be_copied() -> None:
    assert copy.copy(Config.finished(VALUES)).workers == 3
    with pytest.raises(AttributeError):
        pickle.loads(pickle.dumps(object.__new__(Config))).workers  # noqa: B018 # no endless recursion


@pytest.mark.parametrize("setting", ["raw_env", "raw_paste_global_conf"])
def test_a_pair_without_an_equals_sign(setting: str) -> None:
    cfg = Config.finished({**VALUES, setting: ["A"]})
    with pytest.raises(RuntimeError, match="environment setting 'A' invalid"):
        _ = cfg.env, cfg.paste_global_conf


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h", ("h", 8000)),
        ("H:80", ("h", 80)),
        (":80", ("", 80)),
        ("", ("0.0.0.0", 8000)),
        ("tcp://", ("0.0.0.0", 8000)),
        ("tcp://h:9", ("h", 9)),
        ("0:0", ("0", 0)),
        ("[::1]", ("::1", 8000)),
        ("[::1]:80", ("::1", 80)),
        ("tcp://[FE80::1]:9", ("fe80::1", 9)),
        ("unix:/p", "/p"),
        ("unix:///p", "/p"),
        ("unix://p", "p"),
        ("unix:", ""),
        ("fd://3", 3),
    ],
)
def test_address(text: str, expected: object) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fd://x", "'x' is not a valid file descriptor."),
        ("fd://", "'' is not a valid file descriptor."),
        ("fd://-1", "'-1' is not a valid file descriptor."),
        ("h:", "'' is not a valid port number."),
        ("h:x", "'x' is not a valid port number."),
        ("h:65536", "'65536' is not a valid port number."),
        ("h:-1", "'-1' is not a valid port number."),
        ("h:\N{ARABIC-INDIC DIGIT ONE}", "'\N{ARABIC-INDIC DIGIT ONE}' is not a valid port number."),
        ("::1", "':1' is not a valid port number."),
        ("http://a", "'//a' is not a valid port number."),
        ("[::1]:", "'' is not a valid port number."),
        ("[::1]x", "':1]x' is not a valid port number."),
        ("[x", None),
    ],
)
def test_not_an_address(text: str, message: str | None) -> None:
    if message is None:  # a bracket alone is a name that no resolver knows; binding says so
        assert parse_address(text) == ("[x", 8000)
        return
    with pytest.raises(RuntimeError) as raised:
        parse_address(text)
    assert str(raised.value) == message

"""`Config` as a program fills it: `set`, `settings`, what each setting tells of itself, and the parser."""

import argparse
import copy
import pickle
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from tricorn.arbiter import Arbiter
from tricorn.config import (
    Config,
    make_settings,
    validate_bool,
    validate_callable,
    validate_dict,
    validate_list_string,
    validate_pos_int,
    validate_string,
    validate_string_to_list,
)
from tricorn.errors import ConfigError, InvalidSetting
from tricorn.setting import Setting, UnsetHook


def hook(server: object, worker: object) -> None:
    """Two parameters."""


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("workers", "0x10", 16),
        ("workers", True, 1),
        ("bind", "h:1", ["h:1"]),
        ("bind", ("a", " b "), ["a", "b"]),
        ("reload", " TRUE ", True),
        ("forwarded_allow_ips", "10.0.0.1,*", ["10.0.0.1", "*"]),
        ("accesslog", " - ", "-"),
        ("post_fork", hook, hook),
        ("post_fork", "signal.signal", signal.signal),
        ("raw_env", None, []),
        ("proxy_protocol", True, "auto"),
        ("logconfig_dict", {"version": 1}, {"version": 1}),
    ],
)
def test_set_keeps_the_validated_value(name: str, given: Any, kept: Any) -> None:
    cfg = Config()
    cfg.set(name, given)
    assert (getattr(cfg, name), cfg.settings[name].get()) == (kept, kept)
    assert cfg.settings[name].source == "the program"
    ((reported, value, source),) = cfg.given()
    assert (reported, source) == (name, "the program")
    assert value == (kept if name == "post_fork" or isinstance(kept, str) else given)


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("workers", -1, "invalid value for workers: -1 (the program): must be a whole number, 0 or more"),
        ("workers", "", "invalid value for workers"),
        ("bind", 5, "invalid value for bind: 5"),
        ("reload", 1, "invalid value for reload: 1"),
        ("post_fork", lambda: None, "must be a callable with 2 positional parameters, not 0"),
        ("post_fork", "hook", "invalid value for post_fork: 'hook' (the program)"),
        ("post_fork", None, "invalid value for post_fork: None"),
        ("chdir", "/no/such", "there is no directory '/no/such'"),
    ],
)
def test_set_refuses(name: str, given: Any, text: str) -> None:
    cfg = Config()
    before = getattr(cfg, name)
    for expected in (InvalidSetting, ConfigError, ValueError, TypeError):
        with pytest.raises(expected) as raised:
            cfg.set(name, given)
        assert text in str(raised.value)
    assert (getattr(cfg, name), cfg.given()) == (before, [])


def test_values_that_do_not_fit_together() -> None:
    cfg = Config()
    cfg.set("worker_class", "gthread")
    cfg.set("threads", 0, "config file x.py")
    with pytest.raises(ConfigError, match=r"invalid value for threads: 0 \(config file x.py\)"):
        cfg.validate()
    cfg.set("threads", 1)
    cfg.validate()
    cfg.set("bind", "nowhere:port")
    with pytest.raises(ConfigError, match="invalid value for bind: "):
        cfg.validate()


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"):
        monkeypatch.delenv(name, raising=False)
    assert (Config().workers, Config().bind, len(make_settings()) >= 120) == (1, ["127.0.0.1:8000"], True)
    monkeypatch.setenv("PORT", "81")
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    cfg = Config()
    assert (cfg.workers, cfg.bind, cfg.settings["workers"].default) == (7, ["0.0.0.0:81"], 1)
    assert cfg.given() == []
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    with pytest.raises(ValueError, match="environment variable WEB_CONCURRENCY"):
        Config()


def test_a_hook_that_nobody_set_can_be_called() -> None:
    cfg = Config()
    assert cfg.post_request(1, 2, 3, 4) is None
    cfg.set("post_fork", cfg.post_fork)  # a program that wraps what was there, and finds nothing to wrap
    assert isinstance(cfg.post_fork, UnsetHook)
    assert cfg.given() == []
    assert "post_fork " in str(cfg) and "= <post_fork()>" in str(cfg)


def test_a_value_assigned_to_a_setting_counts() -> None:
    cfg = Config()
    cfg.settings["workers"].value = 3
    cfg.settings["threads"].set("4")
    assert sorted(cfg.given()) == [("threads", "4", "the program"), ("workers", 3, "the program")]
    assert (cfg.workers, cfg.threads) == (3, 4)


def test_what_a_setting_tells() -> None:
    settings = Config().settings
    workers: Setting = settings["workers"]
    assert (workers.name, workers.section, list(workers.cli or ())) == (
        "workers",
        "Worker Processes",
        ["-w", "--workers"],
    )
    assert (
        workers.desc.startswith(workers.short)
        and workers.meta == "INT"
        and type(workers).__name__ == "Workers"
    )
    assert settings["bind"] < workers and not workers < settings["bind"]
    for twin in (workers.copy(), copy.copy(workers), pickle.loads(pickle.dumps(workers))):
        twin.set(9)
        assert (twin.value, workers.value, type(twin)) == (9, 1, type(workers))


def test_the_parser() -> None:
    parser = Config("%(prog)s [OPTIONS]", prog="shop").parser()
    assert parser.format_usage() == "usage: shop [OPTIONS]\n"
    opts = parser.parse_args(
        [
            "one",
            "-w",
            "3",
            "--bind=a",
            "-b",
            "b",
            "--time",
            "5",
            "--reload",
            "--umask",
            "022",
            "--proxy-protocol",
            "two",
        ]
    )
    given = {name: value for name, value in vars(opts).items() if value is not None}
    assert given == {
        "args": ["one"],
        "workers": 3,
        "bind": ["a", "b"],
        "timeout": 5,
        "reload": True,
        "umask": 0o22,
        "proxy_protocol": "two",
    }
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--wrokers"])
    assert ended.value.code == 2
    parser.add_argument("--own")  # a program's own option
    assert isinstance(parser, argparse.ArgumentParser) and parser.parse_args(["--own", "x"]).own == "x"


def test_a_finished_configuration_is_final() -> None:
    cfg = Config()
    cfg.set("workers", 2)
    cfg.finish()
    with pytest.raises(AttributeError, match="Invalid access!"):
        cfg.set("workers", 3)


def test_num_workers_of_an_arbiter_that_does_not_run() -> None:
    arbiter = Arbiter(SimpleNamespace(cfg=Config()))
    arbiter.num_workers = 5
    assert (arbiter.num_workers, arbiter.cfg.workers) == (5, 5)
    with pytest.raises(InvalidSetting):
        arbiter.num_workers = -1
    for name in ("manage_workers", "spawn_worker", "wakeup", "murder_workers"):
        assert getattr(arbiter, name)() is None


@pytest.mark.parametrize(
    ("validator", "given", "expected"),
    [
        (validate_bool, " True", True),
        (validate_bool, None, None),
        (validate_bool, 1, TypeError),
        (validate_bool, "yes", ValueError),
        (validate_dict, {}, {}),
        (validate_dict, [], TypeError),
        (validate_pos_int, "0x10", 16),
        (validate_pos_int, True, 1),
        (validate_pos_int, "-1", ValueError),
        (validate_string, " a ", "a"),
        (validate_string, 1, TypeError),
        (validate_list_string, "a", ["a"]),
        (validate_list_string, (" a", "b"), ["a", "b"]),
        (validate_list_string, None, []),
        (validate_string_to_list, "a, b,", ["a", "b"]),
        (validate_string_to_list, None, []),
        (validate_callable(2), hook, hook),
        (validate_callable(-1), hook, hook),
        (validate_callable(2), "signal.signal", signal.signal),
        (validate_callable(1), hook, TypeError),
        (validate_callable(-1), "no.such", TypeError),
    ],
)
def test_validators_for_settings_of_ones_own(validator: Any, given: Any, expected: Any) -> None:
    if isinstance(expected, type) and issubclass(expected, Exception):
        with pytest.raises(expected):
            validator(given)
    else:
        assert validator(given) == expected

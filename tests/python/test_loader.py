"""Application names: every form, every message. The forms and the messages are Gunicorn's."""

from pathlib import Path

import pytest
from tricorn.errors import AppImportError
from tricorn.loader import load_app

MODULE = """
def application(environ, start_response): return [b"default"]
def other(environ, start_response): return [b"other"]
nothing = None
number = 7

def factory(*args, **kwargs):
    def app(environ, start_response): return [repr((args, sorted(kwargs.items()))).encode()]
    return app

def strict(one): return application
def broken(): return len(7)
def empty(): return None

class App:
    def __init__(self, greeting="hi"): self.greeting = greeting
    def __call__(self, environ, start_response): return [self.greeting.encode()]

class holder: app = application
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an importable module; its file is in the working directory."""
    name = f"loaded_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("{m}", b"default"),
        ("{m}:application", b"default"),
        ("{m}:other", b"other"),
        ("{m}:factory()", b"((), [])"),
        ("{m}:factory(1, 'a:b', x=[2, {'k': None}])", b"((1, 'a:b'), [('x', [2, {'k': None}])])"),
        ("{m}:factory(-1)", b"((-1,), [])"),
        ("{m}:App()", b"hi"),
        ("{m}:App(greeting='ho')", b"ho"),
    ],
)
def test_a_form_that_names_an_application(module: str, form: str, body: bytes) -> None:
    assert load_app(form.replace("{m}", module))({}, None) == [body]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{m}:absent", "Failed to find attribute 'absent' in '{m}'."),
        ("{m}:absent()", "Failed to find attribute 'absent' in '{m}'."),
        ("{m}:nothing", "Failed to find application object: 'nothing'"),
        ("{m}:empty()", "Failed to find application object: 'empty()'"),
        ("{m}:number", "Application object must be callable."),
        ("{m}:number()", "TypeError: 'int' object is not callable"),
        ("{m}:", "Failed to parse '' as an attribute name or function call."),
        ("{m}:a b", "Failed to parse 'a b' as an attribute name or function call."),
        ("{m}:a\0", "Failed to parse 'a\\x00' as an attribute name or function call."),
        ("{m}:a:b", "Failed to parse 'a:b' as an attribute name or function call."),
        ("{m}:holder.app", "Failed to parse 'holder.app' as an attribute name or function call."),
        ("{m}:holder.app()", "Function reference must be a simple name: 'holder.app()'"),
        ("{m}:factory(number)", "Failed to parse arguments as literal values: 'factory(number)'"),
        ("{m}:factory(x=open('y'))", "Failed to parse arguments as literal values: \"factory(x=open('y'))\""),
        ("{m}:factory(**{'x': 1})", "Failed to parse arguments as literal values: \"factory(**{'x': 1})\""),
        ("{m}:factory(*[1])", "Failed to parse arguments as literal values: 'factory(*[1])'"),
        ("{m}:factory({[]: 1})", "Failed to parse arguments as literal values: 'factory({[]: 1})'"),
        ("{m}:strict()", "TypeError: strict() missing 1 required positional argument: 'one'"),
        ("{m}:App(1, 2)", "TypeError: *"),
        (":app", "':app' does not begin with the name of a module."),
        ("", "':application' does not begin with the name of a module."),
        (".app:x", "'.app:x' does not begin with the name of a module."),
    ],
)
def test_a_form_that_does_not(module: str, form: str, message: str) -> None:
    with pytest.raises(AppImportError) as raised:
        load_app(form.replace("{m}", module))
    expected = message.replace("{m}", module)
    if expected.endswith("*"):
        assert str(raised.value).startswith(expected[:-1])
    else:
        assert str(raised.value) == expected


def test_an_error_inside_the_factory_keeps_its_traceback(module: str) -> None:
    with pytest.raises(TypeError, match=r"object of type 'int' has no len\(\)") as raised:
        load_app(f"{module}:broken()")
    assert raised.traceback[-1].name == "broken"


def test_a_file_name_gets_a_hint(module: str) -> None:
    with pytest.raises(ImportError) as raised:
        load_app(f"{module}.py")
    assert str(raised.value) == f"Failed to find application, did you mean '{module}:application'?"


def test_a_missing_module_is_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        load_app("no_such_module:app")


def test_what_the_module_raises_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raises_at_import.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        load_app("raises_at_import:app")

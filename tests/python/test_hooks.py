"""Hook settings: callables and dotted names, and the number of their parameters."""

import pytest
from tricorn.errors import HookError
from tricorn.hooks import load_hook


def one(server): ...
def two(server, worker): ...
def with_default(server, extra=None): ...
def with_rest(server, *rest, flag=False, **others): ...


class Holder:
    """Methods and instances as hooks."""

    def method(self, server): ...
    def __call__(self, server, worker): ...


@pytest.mark.parametrize(
    ("value", "arities", "arity"),
    [
        (one, {1}, 1),
        (two, {2}, 2),
        (with_default, {2}, 2),
        (with_rest, {1}, 1),
        (lambda server: None, {1}, 1),
        (Holder().method, {1}, 1),
        (Holder(), {2}, 2),
        (two, {2, 3, 4}, 2),
        (lambda worker, req, environ, resp: None, {2, 3, 4}, 4),
        ("os.path.join", {1}, 1),
        ("math.atan2", {2}, 2),
    ],
)
def test_a_hook(value: object, arities: set[int], arity: int) -> None:
    hook, found = load_hook(value, arities)
    assert callable(hook)
    assert found == arity


@pytest.mark.parametrize(
    ("value", "arities", "message"),
    [
        (7, {1}, "Value is not callable: 7"),
        (None, {1}, "Value is not callable: None"),
        (two, {1}, "Value must have an arity of: 1"),
        (with_default, {1}, "Value must have an arity of: 1"),
        (lambda *args: None, {1}, "Value must have an arity of: 1"),
        (one, {2, 3, 4}, "Value must have an arity of: 2 or 3 or 4"),
        (type, {2}, "Value must have an arity of: 2"),
        ("nodots", {1}, "Value 'nodots' is not import string. Format: module[.submodules...].object"),
        ("", {1}, "Value '' is not import string. Format: module[.submodules...].object"),
        (".x", {1}, "Value '.x' is not import string. Format: module[.submodules...].object"),
        ("..x.y", {1}, "Value '..x.y' is not import string. Format: module[.submodules...].object"),
        ("no_such.thing", {1}, "No module named 'no_such'"),
        ("os.no_such", {1}, "Can not load 'no_such' from 'os'"),
        ("os.sep", {1}, "Value is not callable: /"),
    ],
)
def test_no_hook(value: object, arities: set[int], message: str) -> None:
    with pytest.raises(HookError) as raised:
        load_hook(value, arities)
    assert str(raised.value) == message

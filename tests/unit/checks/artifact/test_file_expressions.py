from __future__ import annotations

import ast
from pathlib import PurePosixPath

import pytest

from tox_prodsim.checks.artifact.file_expressions import Evaluator


def value(expression: str, before: str = "") -> str:
    tree = ast.parse(f"{before}\n{expression}")
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    return str(Evaluator(list(ast.walk(tree)), PurePosixPath("acme/web/a.py")).path(last.value))


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ("__file__", "acme/web/a.py"),
        ("Path(__file__).parents[1] / 'x' / 'y.json'", "acme/x/y.json"),
        ("Path(__file__).parent.joinpath('x', 'y')", "acme/web/x/y"),
        ("Path(os.path.dirname(__file__), 'x')", "acme/web/x"),
        ("os.path.join(os.path.dirname(__file__), os.pardir, 'x')", "acme/x"),
        ("os.path.join(os.path.dirname(__file__), '..', '..', '..', 'x')", "None"),
        ("str(Path(__file__).absolute().with_name('x.json'))", "acme/web/x.json"),
        ("Path(__file__).parents[7]", "None"),
        ("os.path.dirname(__file__) + os.sep + 'x.json'", "acme/web/x.json"),
        ("os.path.dirname(__file__) + '/b/' + 'x.json'", "acme/web/b/x.json"),
        ("f'{os.path.dirname(__file__)}/x.json'", "acme/web/x.json"),
        ("Path(__file__).parent / 'data/%s.json'", "acme/web/data"),
        ("os.path.join(os.path.dirname(__file__), 'data', '{name}.json')", "acme/web/data"),
        ("Path(__file__).parent / f'data/{name}'", "acme/web/data"),
        ("Path(__file__).with_name(f'{name}.json')", "acme/web"),
        ("__file__ + 'c'", "None"),
        ("os.path.dirname(__file__) + name", "None"),
        ("Path('x.json')", "None"),
        ("Path(__file__) / '/etc/passwd'", "None"),
    ],
)
def test_what_is_written_out_is_evaluated(expression: str, path: str) -> None:
    assert value(expression) == path


def test_the_path_of_a_package_is_its_folder() -> None:
    assert value("Path(__path__[0]) / 'data/x.json'", "from acme import __path__") == "acme/data/x.json"
    assert value("Path(root[0]) / f'data/{x}'", "from acme.web import __path__ as root") == "acme/web/data"
    assert value("Path(__path__[0]) / 'data'") == "None"


def test_variables_that_are_assigned_once_are_followed() -> None:
    assert value("B / 'x'", "A = Path(__file__).parent\nB: Path = A / 'b'") == "acme/web/b/x"
    assert value("A / 'x'", "A = B\nB = A") == "None"
    assert value("A / 'x'", "A = Path(__file__)\nfor A in (): pass") == "None"

"""Shell syntax in a command that no shell runs: refused with what to write instead, and nothing else is refused."""

from __future__ import annotations

import shlex

import pytest

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config import shell_words


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("WORKERS=2 gunicorn acme:app", "write it in set_env"),
        ("python migrate.py && gunicorn acme:app", "commands_pre"),
        ("python migrate.py || true", "commands_pre"),
        ("python migrate.py; python app.py", "commands_pre"),
        ("python app.py | tee app.log", "sh -c"),
        ("python app.py > app.log", "deploy.log"),
        ("python app.py >app.log", "deploy.log"),
        ("python app.py 2>&1", "deploy.log"),
        ("python app.py < input.txt", "redirects nothing"),
        ("python app.py &", "background"),
        ("gunicorn -b 0.0.0.0:$PORT acme:app", "{env:NAME}"),
        ("gunicorn -w $WORKERS acme:app", "{env:NAME}"),
        ("gunicorn --chdir=${HOME} acme:app", "{env:NAME}"),
    ],
)
def test_what_only_a_shell_understands_is_refused(command: str, says: str) -> None:
    with pytest.raises(ProdsimError, match=r"^deploy: ") as refused:
        shell_words.refuse("deploy", shlex.split(command))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn -w 2 acme:app",
        "sh -c 'python migrate.py && exec python app.py | tee $LOG'",
        "env WORKERS=2 gunicorn acme:app",
        """python -c "import time; print('a' > 'b' or '$x'); time.sleep(1)" """,
        "acme --filter=a>b --price $5 --define key=value --empty=",
        "celery -A acme worker -Q 'a;b' -l info",
    ],
)
def test_what_programs_understand_is_kept(command: str) -> None:
    shell_words.refuse("deploy", shlex.split(command))


def test_a_second_line_is_refused() -> None:
    shell_words.refuse_second_line("deploy", "\npython app.py {port}\n\n")
    with pytest.raises(ProdsimError, match=r"'python app\.py' on a second line"):
        shell_words.refuse_second_line("deploy", "python migrate.py\npython app.py\n")

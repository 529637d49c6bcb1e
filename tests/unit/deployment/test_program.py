"""The name of what a command line runs, for command lines as Procfiles, Dockerfiles and unit files have them."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim.deployment.program import program_of

TABLE = """\
app.py                  python app.py
app.py                  python3.12 -u app.py --port 8000
app.py                  /srv/.tox/prodsim/bin/python /srv/app/app.py
app.py                  env FOO=1 BAR=2 python -u -X dev app.py
app.py                  env -i -u HOME PATH=/bin python app.py
app.py                  env -S "python -u app.py"
app.py                  env "-Spython -u" app.py
app.py                  /usr/bin/env python3 app.py
app.py                  python -W error::DeprecationWarning -Wd -bb app.py
app.py                  python -I -B -Xfaulthandler app.py
app.py                  python --check-hash-based-pycs never app.py
app.py                  python -- app.py
app.py                  pypy3 app.py
app.py                  pypy3.10 app.py
app.py                  python3.13t app.py
app.py                  python3-dbg app.py
app.py                  python.exe app.py
app.pyz                 python app.pyz
service                 python service/
service                 python service/__main__.py
__main__.py             python __main__.py
manage.py               python manage.py runserver --noreload 0.0.0.0:8000
http.server             python -m http.server
http.server             python -mhttp.server 8000
http.server             python -um http.server
http.server             python -X dev -m http.server --directory /srv
uvicorn                 python -m uvicorn acme.web:app --port 8000
acme                    python -m acme.__main__
python -c               python -c "from acme import main; main()"
python3 -c              python3 -Bc "import acme"
python                  python
python                  python -
python                  python -V
uvicorn                 uvicorn acme.web:app
uvicorn                 /srv/.tox/prodsim/bin/uvicorn acme.web:app --workers 2
uvicorn                 /srv/.tox/prodsim/bin/python /srv/.tox/prodsim/bin/uvicorn acme.web:app
uvicorn                 uvicorn.exe acme.web:app
gunicorn                gunicorn -k uvicorn.workers.UvicornWorker -c python:acme.conf acme.web:app
celery                  celery -A acme worker -l info
celery                  python -m celery -A acme worker
waitress-serve          waitress-serve --listen=*:8000 acme.web:app
flask                   flask --app acme run
daphne                  daphne -b 0.0.0.0 acme.asgi:application
start.sh                bash start.sh
start.sh                bash -euxo pipefail start.sh web
start.sh                bash -e -o pipefail ./bin/start.sh
start.sh                sh -- start.sh
start.sh                bash --rcfile /dev/null --norc start.sh
start.sh                ./start.sh
start.sh                busybox sh /start.sh
entrypoint.sh           /docker/entrypoint.sh gunicorn acme
gunicorn                sh -c "exec gunicorn app"
gunicorn                sh -ec "exec gunicorn app"
gunicorn                bash -lc "gunicorn app"
gunicorn                bash -c -e "gunicorn app"
gunicorn                sh -c "python manage.py migrate && exec gunicorn app"
gunicorn                sh -c "python manage.py migrate --noinput; gunicorn app"
gunicorn                sh -c "cd /srv && WORKERS=2 exec gunicorn app 2>&1"
gunicorn                sh -c "exec 2>&1; exec gunicorn app"
gunicorn                sh -c "gunicorn app 2>&1 | tee app.log"
gunicorn                sh -c "gunicorn app >log 2>&1 || exit 1"
gunicorn                sh -c "gunicorn -w $(nproc) -b 0.0.0.0:${PORT:-8000} app"
gunicorn                sh -c "exec gunicorn -w $((2 * 2 + 1)) app"
gunicorn                sh -c "exec gunicorn app; echo never"
gunicorn                sh -c "gunicorn app; echo ended"
gunicorn                sh -c "trap 'kill 0' EXIT; gunicorn app & wait"
gunicorn                sh -c "while ! nc -z db 5432; do sleep 1; done; exec gunicorn app"
gunicorn                sh -c "if test -f x; then rm x; fi; exec gunicorn app"
gunicorn                sh -c "for i in 1 2; do true; done; exec gunicorn app"
gunicorn                sh -c ". ./env.sh && exec python -m gunicorn app"
app.py                  sh -c "exec python -u app.py"
gunicorn                sh -c 'exec "$@"' sh gunicorn app
sh -c                   sh -c "exec $SERVER"
sh -c                   sh -c "echo it"
sh -c                   sh -c "echo 'it"
sh                      sh
app.py                  timeout 60 python app.py
app.py                  timeout -s INT -k 5 60 python app.py
app.py                  timeout --signal=INT 1m python app.py
app.py                  nice -n 10 python app.py
app.py                  nice -10 ionice -c2 -n7 python app.py
app.py                  stdbuf -oL python app.py
app.py                  setsid -w python app.py
app.py                  nohup python app.py
app.py                  tini -g -- python app.py
app.py                  dumb-init --single-child -- python app.py
uvicorn                 gosu www-data uvicorn acme.web:app
uvicorn                 su-exec www-data uvicorn acme.web:app
uvicorn                 sudo -E -u www-data uvicorn acme.web:app
uvicorn                 su -s /bin/sh www-data -c "exec uvicorn acme.web:app"
uvicorn                 opentelemetry-instrument --service_name web uvicorn acme.web:app
uvicorn                 opentelemetry-instrument --traces_exporter console uvicorn acme.web:app
gunicorn                ddtrace-run gunicorn app
gunicorn                newrelic-admin run-program gunicorn app
gunicorn                poetry run gunicorn app
gunicorn                pipenv run gunicorn app
gunicorn                uv run --with gevent gunicorn app
http.server             uv run -m http.server
http.server             uv run --module http.server
app.py                  uv run app.py
gunicorn                uvx --with gevent gunicorn app
app.py                  coverage run --source acme app.py
acme                    python -m coverage run -m acme
coverage                coverage report
timeout                 timeout 60
uv                      uv
postgres                postgres -D data
redis-server            /usr/bin/redis-server --port 6379
nginx                   nginx -g "daemon off;"
node                    node server.js
java                    java -jar app.jar
"""


@pytest.mark.parametrize("row", TABLE.splitlines(), ids=lambda row: row[24:])
def test_the_program_of_a_command_line(row: str) -> None:
    assert program_of(shlex.split(row[24:])) == row[:24].strip()


def test_a_folder_with_blanks_and_that_of_windows_are_left_out() -> None:
    assert program_of(["/srv/my app/bin/uvicorn", "app"]) == "uvicorn"
    assert program_of([r"C:\app\.tox\prodsim\Scripts\python.exe", "app.py"]) == "app.py"


def test_code_of_several_lines_and_with_a_comment() -> None:
    code = "set -e\n# the last one is what matters\npython manage.py migrate \\\n  --noinput\nexec gunicorn app\n"
    assert program_of(["sh", "-c", code]) == "gunicorn"


WORDS = st.lists(st.text("abc -=;|&<>$()'\"\n/m", max_size=8), max_size=5)


@given(program=st.sampled_from(["python", "sh", "env", "timeout", "uv", "sudo", "app"]), words=WORDS)
def test_every_command_line_has_a_name(program: str, words: list[str]) -> None:
    assert program_of([program, *words])


def test_wrappers_without_end_are_not_looked_through() -> None:
    assert program_of(["env"] * 1000) == "env"

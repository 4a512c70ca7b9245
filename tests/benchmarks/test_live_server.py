"""Servers under test start, answer, and leave nothing behind, not even what has left their process tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.live_server import Launch, ServerError, live_server
from benchmarks.probe import Ask
from benchmarks.processes import descendants, processor_seconds, resident_bytes

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import json, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        (row,) = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps([{5.1: 0, 5.9: 1, 6.9: 2}[row[0]] if "lie" not in sys.argv else 0]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

sleeper = "[sys.executable, '-c', 'import time; time.sleep(600)']"
middle = f"import subprocess, sys; subprocess.Popen({sleeper}, start_new_session=True)"
if "orphan" in sys.argv:
    subprocess.run([sys.executable, "-c", middle], check=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# The orphan that the server makes is adopted by the process that measures; hence a process of its own.
MEASURE = """
import os, pathlib, sys
from benchmarks.live_server import Launch, live_server
from benchmarks.probe import Ask
from benchmarks.processes import adopt_orphans, descendants, wait_until
adopt_orphans()
directory = pathlib.Path(sys.argv[1])
launch = Launch("fake", (sys.executable, str(directory / "server.py"), "{port}", "orphan"), directory, Ask("/"))
with live_server(launch, directory / "log") as server:
    server.check_answers()
    assert server.resident_bytes() > 1000000
    print(len(descendants(os.getpid())))
print(len(descendants(os.getpid())))
"""


def launch(directory: Path, *arguments: str) -> Launch:
    (directory / "server.py").write_text(SERVER, encoding="utf-8")
    return Launch("fake", (sys.executable, str(directory / "server.py"), "{port}", *arguments), directory, Ask("/"))


def test_live_server_after_the_block_leaves_no_process_not_even_an_orphan(tmp_path: Path) -> None:
    launch(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.returncode) == (["2", "0"], 0), done.stderr


def test_live_server_that_ends_while_starting_raises_with_its_last_words(tmp_path: Path) -> None:
    ends = Launch("short", (sys.executable, "-c", "raise SystemExit('no more')"), tmp_path, Ask("/"))
    with pytest.raises(ServerError, match=r"exit code 1.*no more"), live_server(ends, tmp_path / "log"):
        pass


def test_check_answers_of_a_server_that_mixes_them_up_raises(tmp_path: Path) -> None:
    with live_server(launch(tmp_path, "lie"), tmp_path / "log") as server, pytest.raises(ServerError, match="instead"):
        server.check_answers()


def test_processes_that_are_gone_count_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert (resident_bytes([child.pid]), processor_seconds([child.pid]), descendants(child.pid)) == (0, 0.0, set())

"""Workers are forked where their framework was imported once, and are as if begun alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lossproof.backends.loading import Source
from lossproof.backends.process import backend as backend_
from lossproof.backends.process import forked, launch
from lossproof.backends.process.backend import Isolated, Limits, isolated
from lossproof.backends.process.client import Died, Program
from lossproof.backends.process.protocol import pack_each
from lossproof.backends.process.worker import Alone
from lossproof.backends.usage import UsageError
from lossproof.conformance.registry import backend

pytestmark = pytest.mark.skipif(not forked.SAFE, reason="workers are forked on Linux only")

TARGET = """
import os

FACTOR = float(os.environ.get("FACTOR", "1"))

def loss(prediction, target):
    return FACTOR * (prediction - target) ** 2
"""
ONE = {"prediction": np.float64([3.0]), "target": np.float64([1.0])}


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Isolated]]:
    """Workers to be ended; the fork server of each test is its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "target.py").write_text(TARGET)
    forked.forget("numpy")
    workers: list[Isolated] = []
    yield workers
    for remote in workers:
        remote.worker.close()
    forked.forget("numpy")


def answered(workers: list[Isolated], target: str = "target.py:loss") -> float:
    remote, claim = isolated(Source(target=target), "mse", backend("numpy"), Limits())
    workers.append(remote)
    return float(remote.call(claim, ONE, {}).value[0])


def parent(remote: Isolated) -> int:
    assert remote.worker._program is not None
    status = Path(f"/proc/{remote.worker._program.pid}/status").read_text()
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("PPid"))


def test_workers_of_a_backend_have_one_parent(begun: list[Isolated]) -> None:
    answered(begun), answered(begun)
    assert {parent(remote) for remote in begun} == {own().pid}


def own() -> subprocess.Popen[bytes]:
    found = forked.server("numpy").process
    assert found is not None
    return found


def test_a_worker_has_the_environment_and_the_folder_of_who_asks_for_it(
    begun: list[Isolated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTOR", "3")
    assert answered(begun) == 12.0
    monkeypatch.delenv("FACTOR")
    assert answered(begun) == 4.0
    further = tmp_path / "further"
    further.mkdir()
    (further / "other.py").write_text(
        f"{TARGET}\nimport sys\nassert sys.path[0] == {str(further)!r}\n"
    )
    monkeypatch.chdir(further)
    assert answered(begun, "other:loss") == 4.0


def test_a_path_that_was_not_prepended_is_not_replaced(tmp_path: Path) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("Python 3.10 has no safe path")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "factors.py").write_text("FACTOR = 1.0\n")
    (tmp_path / "target.py").write_text(f"import factors\n{TARGET}")
    done = checked(tmp_path, "numpy", PYTHONSAFEPATH="1", PYTHONPATH=str(tmp_path / "lib"))
    assert done.wait() == 0


def test_where_the_fork_server_is_gone_another_is_begun(
    begun: list[Isolated], tmp_path: Path
) -> None:
    answered(begun)
    first = own()
    # a target may end its parent, which is never the command
    (tmp_path / "killer.py").write_text(
        TARGET.replace("return", "os.kill(os.getppid(), 9); __import__('time').sleep(9); return")
    )
    for _ in range(2):
        with pytest.raises(Died):
            answered(begun, "killer.py:loss")
        first.wait()
        assert answered(begun) == 4.0
        assert parent(begun[-1]) == own().pid != first.pid
        first = own()


def test_what_a_target_leaves_behind_is_ended_with_the_fork_server(
    begun: list[Isolated], tmp_path: Path
) -> None:
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("this kernel does not list children")
    left = "import subprocess\np = subprocess.Popen(['setsid', 'sh', '-c', 'sleep 99 & echo $!'], "
    left += "stdout=-1, text=True)\nLEFT = int(p.stdout.readline())\n"
    (tmp_path / "leaver.py").write_text(left + TARGET.replace("FACTOR *", "LEFT + 0 *"))
    pid = int(answered(begun, "leaver.py:loss"))
    assert Path(f"/proc/{pid}").exists()
    forked.forget("numpy")
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("fault", ["no folder", "a large environment"])
def test_a_worker_that_cannot_be_asked_for_costs_no_other(
    fault: str, begun: list[Isolated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(begun)
    if fault == "no folder":
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
    else:
        for i in range(3):
            monkeypatch.setenv(f"LONG_{i}", "x" * 100_000)
    assert answered(begun, f"{tmp_path / 'target.py'}:loss") == 4.0
    assert parent(begun[-1]) == os.getpid()
    time.sleep(1.5)  # a worker looks for its parent every second
    assert "answer" in begun[0].worker.ask({"op": "call", **_call()})


def test_what_a_worker_is_asked_through_cannot_be_opened_by_another(
    begun: list[Isolated],
) -> None:
    """Else a target would answer for the framework's own function, which runs beside it."""
    answered(begun)
    assert begun[0].worker._program is not None
    files = Path(f"/proc/{begun[0].worker._program.pid}/fd")
    linked = {int(file.name): os.readlink(file) for file in files.iterdir()}
    assert sum(link.startswith("socket:") for link in linked.values()) == 2
    pipes = [number for number, link in linked.items() if link.startswith("pipe:")]
    assert pipes == [2]  # what it says of errors


def test_workers_that_are_closed_leave_nothing_and_at_once(begun: list[Isolated]) -> None:
    answered(begun)
    files, started = len(os.listdir("/proc/self/fd")), time.monotonic()
    for _ in range(20):
        program = Program(launch.python("numpy"))
        while program._process.pid is None:  # it has only just begun
            pass
        program.close()
    assert time.monotonic() - started < 20
    assert len(os.listdir("/proc/self/fd")) == files
    listed = Path(f"/proc/{own().pid}/task/{own().pid}/children")
    late = time.monotonic() + 5
    while len(listed.read_text().split()) != 1:  # it is told that they are not asked any more
        assert time.monotonic() < late


def test_a_fork_server_that_is_stopped_is_given_up(
    begun: list[Isolated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forked, "PATIENCE", 0.5)
    line = "os.kill(os.getppid(), 19); import time; time.sleep(100); return"
    (tmp_path / "target.py").write_text(TARGET.replace("return", line))
    remote, claim = isolated(
        Source(target="target.py:loss"), "mse", backend("numpy"), Limits(call=0.5)
    )
    begun.append(remote)
    started = time.monotonic()
    with pytest.raises(Died, match="gave no answer within 0.5 s"):
        remote.call(claim, ONE, {})
    assert time.monotonic() - started < 10


def test_workers_draw_numbers_of_their_own(begun: list[Isolated], tmp_path: Path) -> None:
    draws = (
        "import numpy\ndef loss(prediction, target):\n    return 0 * target + numpy.random.rand()"
    )
    (tmp_path / "target.py").write_text(draws)
    assert answered(begun) != answered(begun)


@pytest.mark.parametrize(
    "line",
    [
        "os.environ['OMP_DYNAMIC'] = 'FALSE'",
        "__import__('unittest.mock').mock.patch.dict(os.environ, {'OMP_DYNAMIC': 'F'}).start()",
        "os.environ['OMP_DYNAMIC'] = 'F'; del os.environ['OMP_DYNAMIC']",
    ],
)
def test_a_target_that_sets_what_a_framework_reads_is_served_alone(
    line: str, begun: list[Isolated], tmp_path: Path
) -> None:
    (tmp_path / "target.py").write_text(TARGET.replace("FACTOR =", f"{line}\nFACTOR ="))
    assert answered(begun) == 4.0
    assert parent(begun[-1]) == os.getpid()


def test_what_fails_to_load_is_not_loaded_again(begun: list[Isolated], tmp_path: Path) -> None:
    (tmp_path / "once.py").write_text("open('lock', 'x')\nraise OSError('GPU 0 is busy')\n")
    with pytest.raises(UsageError, match="OSError: GPU 0 is busy"):
        answered(begun, "once.py:loss")


def test_a_target_cannot_ask_for_another_start_again_and_again(
    begun: list[Isolated], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_, "refused", lambda *_: Alone())
    with pytest.raises(UsageError, match="nothing.py:loss cannot be imported"):
        answered(begun, "nothing.py:loss")


THREADS = """
from concurrent.futures import ThreadPoolExecutor
from lossproof.backends.numpy_.backend import NumpyBackend

POOL = ThreadPoolExecutor(1)
POOL.submit(int).result()

class Threaded(NumpyBackend):
    name = "threaded"

    def call(self, *arguments, **named):
        return POOL.submit(NumpyBackend.call, self, *arguments, **named).result()
"""


def test_what_keeps_threads_is_not_forked(tmp_path: Path) -> None:
    (tmp_path / "threaded.py").write_text(THREADS)
    (tmp_path / "target.py").write_text(TARGET)
    about = tmp_path / "threaded-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: threaded\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[lossproof.backends]\nthreaded = threaded:Threaded\n")
    assert checked(tmp_path, "threaded", PYTHONPATH=str(tmp_path)).wait() == 0


def test_how_a_worker_died_is_known(begun: list[Isolated], tmp_path: Path) -> None:
    ends = {
        "os._exit(7)": "ended the process with exit code 7",
        "os.kill(os.getpid(), 9)": "died of SIGKILL",
        "os.kill(os.getpid(), 2)": "died of SIGINT",
    }
    for number, (line, words) in enumerate(ends.items()):
        # a name of its own: what was compiled in the same second is taken for the same
        path = tmp_path / f"ends_{number}.py"
        path.write_text(TARGET.replace("return", f"{line}; return"))
        with pytest.raises(Died, match=words):
            answered(begun, f"{path.name}:loss")
        with pytest.raises(Died, match=words):  # it is begun again
            begun[-1].worker.ask({"op": "call", **_call()})


def _call() -> dict[str, object]:
    how = {"device": "cpu", "layout": "contiguous", "transformation": None}
    return {
        "arguments": pack_each(ONE),
        "options": {},
        "cotangent": None,
        "differentiate": [],
        "how": how,
    }


def test_a_framework_that_ends_the_process_is_reported(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "torch.py").write_text("import os\nos._exit(9)\n")
    (tmp_path / "target.py").write_text(TARGET)
    done = checked(tmp_path, "torch", PYTHONPATH=str(tmp_path))
    assert done.wait() == 2
    assert done.stderr is not None
    said = done.stderr.read()
    assert "ended the process with exit code 9, while it was imported" in said
    assert said.count("\n") == 1


def checked(folder: Path, name: str, **environment: str) -> subprocess.Popen[str]:
    command = ("check", "target.py:loss", "--loss", "mse", "--backend", name, "--dtype", "float64")
    return subprocess.Popen(
        [sys.executable, "-m", "lossproof", *command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(mark: str) -> list[str]:
    """The processes whose environment has a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "sent",
    [None, signal.SIGINT, signal.SIGTERM, signal.SIGKILL],
    ids=lambda s: getattr(s, "name", ""),
)
def test_no_process_outlives_the_command(tmp_path: Path, sent: signal.Signals | None) -> None:
    mark = f"lossproof-mark-{os.getpid()}-{tmp_path.name}"
    called = "open('called', 'w').close(); __import__('time').sleep(30); return"
    (tmp_path / "target.py").write_text(TARGET.replace("return", called) if sent else TARGET)
    command = checked(tmp_path, "numpy", MARK=mark)
    if sent is not None:
        while not (tmp_path / "called").exists():
            assert command.poll() is None
            time.sleep(0.01)
        command.send_signal(sent)
    command.communicate()
    late = time.monotonic() + 20
    while alive(mark):
        assert time.monotonic() < late, alive(mark)
        time.sleep(0.1)


def test_a_target_that_cannot_be_loaded_is_refused(begun: list[Isolated], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing.py: no such file"):
        answered(begun, "nothing.py:loss")


def test_a_target_that_hangs_as_it_is_imported_is_told_with_its_line(
    begun: list[Isolated], tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text("import time\n\ntime.sleep(99)\n")
    answered(begun)  # the framework is imported
    with pytest.raises(UsageError, match=r"within 2 s, while it was imported: in .*slow.py:3$"):
        isolated(Source(target="slow.py:loss"), "mse", backend("numpy"), Limits(start=2.0))


def test_a_file_that_stands_in_the_place_of_a_library_is_named(
    begun: list[Isolated], tmp_path: Path
) -> None:
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('colorsys is not that of Python')\n")
    (tmp_path / "code.py").write_text("")  # of which no error speaks
    (tmp_path / "target.py").write_text(f"import colorsys\n{TARGET}")
    with pytest.raises(UsageError) as error:
        answered(begun)
    said = f"; {tmp_path / 'colorsys.py'} may be imported in the place of a library"
    assert str(error.value).endswith(f"not that of Python{said}")


def test_a_file_of_a_package_goes_by_the_name_of_its_module(
    begun: list[Isolated], tmp_path: Path
) -> None:
    (tmp_path / "target.py").write_text(f"from . import factors\n{TARGET}")
    with pytest.raises(UsageError, match="a file of a package goes by package.module:name$"):
        answered(begun)

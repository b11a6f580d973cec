"""Threads, forks, pickles, Ctrl-C, memory and time."""

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import threading
import time

import numpy
import pytest
import sda
from conftest import QUICK


def draw(prior, obs, seed=0, members=2):
    return prior.assimilate(obs, members=members, seed=seed, config=QUICK).x.values


def test_pickles_draw_the_same(prior, obs):
    again = pickle.loads(pickle.dumps((prior, obs)))
    assert numpy.array_equal(draw(*again), draw(prior, obs))
    import pandas

    frame = sda.Observations.from_dataframe(
        pandas.DataFrame({"time": [0.0, 1.0], "variable": ["x", "y"], "value": [1, 2]}), error=0.5
    )
    assert numpy.array_equal(draw(prior, pickle.loads(pickle.dumps(frame))), draw(prior, frame))


def test_threads_and_two_priors_at_once(run, prior, obs):
    other = sda.train(run / "data", seed=9, epochs=8)
    expected = [draw(p, obs, seed) for seed in range(3) for p in (prior, other)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda job: draw(job[1], obs, job[0]), [(s, p) for s in range(3) for p in (prior, other)])
        )
    # Threads of a pool have one thread of OpenMP each or several: sums are rounded otherwise.
    assert all(numpy.allclose(a, b, atol=1e-3) for a, b in zip(found, expected, strict=True))
    assert not numpy.allclose(expected[0], expected[1], atol=1e-3)


def test_others_run_meanwhile(prior, obs):
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.monotonic()
    prior.assimilate(obs, members=64, config={"sampler.steps": 48})
    seconds = time.monotonic() - start
    done.set()
    thread.join()
    assert len(ticks) > 0.05 * seconds / 0.005, "the GIL was held"


def _in_child(prior, obs, queue):
    queue.put(draw(prior, obs))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(prior, obs, method):
    expected = draw(prior, obs)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(prior, obs, queue))
    child.start()
    found = queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    assert numpy.allclose(found, expected, atol=1e-3)


def interrupt(call, after=0.4):
    """Calls it, which must take long by itself, sends Ctrl-C meanwhile, and says how long it went on: of this process,
    for others may use the machine."""
    sent = []

    def send():
        time.sleep(after)
        sent.append(time.process_time())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(sda.Interrupted) as raised:
        call()
    seconds = time.process_time() - sent[0]
    thread.join()
    return raised.value, seconds


def test_ctrl_c_ends_an_assimilation(prior, obs):
    error, seconds = interrupt(lambda: prior.assimilate(obs, members=64, config={"sampler.steps": 100000}))
    assert seconds < 1 and "SIGINT" in str(error)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    draw(prior, obs)  # the next call is not stopped


def test_ctrl_c_ends_the_rest(obs, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in (
        lambda: sda.simulate("lorenz63", trajectories=1024, length=16, spin_up=10**8),
        lambda: sda.train(run / "data", epochs=10**7),
    ):
        _, seconds = interrupt(call)
        assert seconds < 1
    assert not list(tmp_path.iterdir()), "what has no output leaves nothing behind"


def test_training_goes_on_bit_for_bit(run, tmp_path, data):
    epochs = 400
    x = numpy.ones((1, 5, 3), numpy.float32)
    expected = sda.train(data, config=run / "config.toml", epochs=epochs, seed=4).epsilon(x, 0.2)
    arguments = {"config": run / "config.toml", "epochs": epochs, "seed": 4, "output": tmp_path / "model.nc"}
    seen = []

    def tell(done, total, note):
        seen.append(done)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(sda.Interrupted, match=r"model.checkpoint.nc \(epoch"):
        sda.train(data, progress=tell, **arguments)
    assert not (tmp_path / "model.nc").exists()
    resumed = sda.train(data, resume=True, **arguments)
    assert numpy.array_equal(resumed.epsilon(x, 0.2), expected)
    assert numpy.array_equal(sda.Prior.load(tmp_path / "model.nc").epsilon(x, 0.2), expected)
    assert not (tmp_path / "model.checkpoint.nc").exists()


def test_handlers_of_others_are_left_alone(prior, obs):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        prior.assimilate(obs, members=16, config={"sampler.steps": 256})
        time.sleep(0.1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]


def test_progress_reaches_the_end(prior, obs):
    seen = []
    prior.assimilate(obs, members=2, config=QUICK, progress=lambda *told: seen.append(told))
    assert seen[-1][:2] == (16, 16) and seen == sorted(seen)
    tqdm = pytest.importorskip("tqdm")
    assert tqdm
    prior.assimilate(obs, members=2, config=QUICK, progress=True)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_a_hundred_posteriors_leak_nothing(prior, obs):
    def call():
        prior.assimilate(obs, members=1, config={"sampler.steps": 2})

    for _ in range(20):
        call()
    before = resident()
    for _ in range(100):
        call()
    assert resident() - before < 4 << 20


def test_import_takes_less_than_a_second(python):
    # Of this process: on a machine that others use as well, a clock on the wall tells of them.
    seconds = [
        float(python("import time; t = time.process_time(); import sda; print(time.process_time() - t)"))
        for _ in range(3)
    ]
    assert min(seconds) < 1


def test_threads_that_wait_soon_sleep(python):
    found = python("import os, sda; print(os.environ.get('GOMP_SPINCOUNT'))", check=False, OMP_DISPLAY_ENV="VERBOSE")
    assert "GOMP_SPINCOUNT = '10000'" in found.stderr and found.stdout.strip() == "None", found

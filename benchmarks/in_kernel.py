"""Runs inside the page's kernel: the loop by hand and the lab in turn, while the page is open."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.workloads import W1, W2, Result, Workload, by_hand, rate
from trainlab import events as ev
from trainlab.engine.device import default_threads
from trainlab.runs import store
from trainlab.widgets.lab import Lab
from trainlab.widgets.session import Session

PAUSE = 1.0  # seconds between two trainings, for the page to come to rest


def measure(out: str, rounds: int, variants: bool) -> Lab:
    """The lab to display; measurements start when its page is there, and end up in the file `out`."""
    lab = Lab(runs=Path(out).parent / "runs")
    session = lab._parts.session
    page = threading.Event()
    session.view.on_msg(lambda *_message: page.set())
    arguments = (session, Path(out), rounds, variants, page)
    threading.Thread(target=_measure, args=arguments, daemon=True).start()
    return lab


def _measure(
    session: Session, out: Path, rounds: int, variants: bool, page: threading.Event
) -> None:
    page.wait()
    time.sleep(5 * PAUSE)
    torch.set_num_threads(default_threads())
    rows: list[dict[str, Any]] = []
    for number in range(rounds):
        for workload, others in _plan(variants):
            hand = by_hand(workload.experiment)
            time.sleep(PAUSE)
            for other in (workload, *others):
                lab = _in_lab(session, other, out.parent / "runs")
                rows.append(_row(number, other, hand, lab))
                time.sleep(PAUSE)
    draft = out.with_suffix(".part")
    draft.write_text(json.dumps(rows))
    draft.rename(out)


def _plan(variants: bool) -> list[tuple[Workload, tuple[Workload, ...]]]:
    """Each workload with what is measured against the same loop by hand."""
    others: tuple[Workload, ...] = ()
    if variants:
        others = (W2.variant("compiled", None, compile=True),)
        if torch.cpu._is_avx512_bf16_supported():  # without it bfloat16 is emulated, and slow
            others = (
                W2.variant("bfloat16", 2.2, precision="bfloat16"),
                W2.variant("bfloat16, compiled", 2.2, precision="bfloat16", compile=True),
                *others,
            )
    return [(W1, ()), (W2, others)]


def _in_lab(session: Session, workload: Workload, runs: Path) -> Result:
    """Train as the Start button does, and time it by its own events."""
    ends: list[float] = []
    plans: list[ev.Started] = []
    accuracies: list[float] = []

    def timed(events: Iterator[ev.Event]) -> Iterator[ev.Event]:
        for event in events:
            if isinstance(event, ev.Started):
                plans.append(event)
            elif isinstance(event, ev.EpochEnd):
                ends.append(time.perf_counter())
                accuracies.append(event.val_accuracy)
            yield event

    if not session.worker.start(lambda inbox: timed(store.start(workload.experiment, runs, inbox))):
        raise RuntimeError("a run is under way already")
    session.worker.join()
    return Result(rate(ends, plans[0].train_images), accuracies[-1])


def _row(number: int, workload: Workload, hand: Result, lab: Result) -> dict[str, Any]:
    return {
        "round": number,
        "name": workload.name,
        "goal": workload.goal,
        "by_hand": hand.images_per_second,
        "lab": lab.images_per_second,
        "ratio": lab.images_per_second / hand.images_per_second,
        "accuracy_by_hand": hand.val_accuracy,
        "accuracy_lab": lab.val_accuracy,
    }

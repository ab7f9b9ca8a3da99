"""Single optimizer steps beside a run: what the checks and the range test train copies with."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainlab.catalog.optimizers import contiguous_gradients
from trainlab.catalog.regularizers import RegularizerChoice
from trainlab.engine.device import default_threads
from trainlab.engine.randomness import key_noise, key_seed
from trainlab.experiment import Experiment

Loss = Callable[[Tensor, Tensor], Tensor]


@contextmanager
def as_in_a_run(experiment: Experiment) -> Iterator[None]:
    """Numbers near zero are flushed as in a run, and torch gets a run's threads meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(experiment.training.threads or default_threads())
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


class Bench:
    """A network of one's own to be trained a little: it is changed, so give a copy.

    Args:
        model: in training mode from here on; its layers that draw get a generator of their own.
        loss: of logits and labels.
        optimizer: over the model's parameters.
        rules: regularisers, applied in their moments; those that end a run are left out.
        key: names the draws of dropout and its kin.
        full_batch: whether the optimizer's choice is one that sees all gradients as one vector.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        optimizer: torch.optim.Optimizer,
        rules: Iterable[RegularizerChoice] = (),
        key: str = "bench",
        full_batch: bool = False,
    ) -> None:
        self.model, self.loss, self.optimizer = model.train(), loss, optimizer
        self.rules, self.key, self.steps = tuple(rules), key, 0
        self.full_batch = full_batch
        self.noise = key_noise(model, next(model.parameters()).device)

    def step(self, inputs: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """One optimizer step: the loss and the logits before it."""
        self.steps += 1
        seen: list[tuple[Tensor, Tensor]] = []

        def closure() -> Tensor:
            if self.noise is not None:
                self.noise.manual_seed(key_seed(self.key, self.steps))
            self.optimizer.zero_grad()
            logits = self.model(inputs)
            loss = self.loss(logits, labels)
            loss.backward()
            if self.full_batch:
                contiguous_gradients(self.model.parameters())
            self._regularize("gradient")
            seen.append((loss.detach(), logits.detach()))
            return loss

        with torch.enable_grad():
            self.optimizer.step(closure)  # type: ignore[arg-type]  # a tensor, which torch takes for a float
        self._regularize("weights")
        loss, logits = seen[0]
        return loss.item(), logits

    def _regularize(self, moment: str) -> None:
        for rule in self.rules:
            if rule.moment == moment:
                rule.build(self.model.parameters())

"""Optimizers: how a gradient becomes a step. Each is torch's own class, with torch's defaults."""

from trainlab.catalog.optimizers.base import OptimizerChoice, decay_groups
from trainlab.catalog.optimizers.descent import ASGD, SGD, Rprop
from trainlab.catalog.optimizers.moments import Adam, Adamax, AdamW, NAdam, RAdam
from trainlab.catalog.optimizers.scaled import Adadelta, Adafactor, Adagrad, RMSprop
from trainlab.catalog.optimizers.shaped import LBFGS, Muon, contiguous_gradients

# classes of torch.optim that are not offered, and why
EXCLUDED = {
    "Optimizer": "the base class of the others",
    "SparseAdam": "takes sparse gradients only, as embeddings of huge vocabularies give them; no network here does",
}

__all__ = [
    "ASGD",
    "EXCLUDED",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "OptimizerChoice",
    "RAdam",
    "RMSprop",
    "Rprop",
    "contiguous_gradients",
    "decay_groups",
]

"""Initialisation: the weights before the first step. Each rule fills a model from a generator of its own.

The draws are torch.nn.init's own; biases become constant, normalisations stay as torch makes them.
"""

from trainlab.catalog.inits.base import InitChoice, class_prior, layers
from trainlab.catalog.inits.fans import KaimingNormal
from trainlab.catalog.inits.fixed import Zeros
from trainlab.catalog.inits.shaped import Orthogonal
from trainlab.catalog.inits.tuned import LSUV

__all__ = ["LSUV", "InitChoice", "KaimingNormal", "Orthogonal", "Zeros", "class_prior", "layers"]

"""The pictures of the panels, one file a panel: what was chosen, seen before it is used."""

from trainlab.widgets.pictures.augment import augment_pictures
from trainlab.widgets.pictures.data import data_pictures
from trainlab.widgets.pictures.init import compared_rules, init_pictures
from trainlab.widgets.pictures.look import Look, Spec, picture, unavailable
from trainlab.widgets.pictures.model import model_pictures
from trainlab.widgets.pictures.optimizer import answer_race, race_spec
from trainlab.widgets.pictures.schedule import schedule_pictures

__all__ = [
    "Look",
    "Spec",
    "answer_race",
    "augment_pictures",
    "compared_rules",
    "data_pictures",
    "init_pictures",
    "model_pictures",
    "picture",
    "race_spec",
    "schedule_pictures",
    "unavailable",
]

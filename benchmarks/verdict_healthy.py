"""Healthy runs: nothing has to be said of them."""

from benchmarks.verdict_settings import (
    CONSTANT,
    COSINE,
    EVERY,
    ONECYCLE,
    WARM,
    Way,
    adamw,
    at,
    sgd,
)

HEALTHY: tuple[Way, ...] = (
    Way(
        EVERY,
        (
            {},
            {"training.batch_size": 24},
            {"regularizers": [{"kind": "l2", "strength": 1e-4}], "schedule": COSINE},
            {"training.batch_size": 64, "schedule": WARM},
            {"schedule": {"kind": "step", "step_size": 3, "gamma": 0.3}},
            {"optimizer": sgd(0.03), "schedule": COSINE},
            {"optimizer": {"kind": "adam", "lr": 4e-3}, "init": "xavier_uniform"},
        ),
        (
            {"training.batch_size": 40},
            {"schedule": {"kind": "polynomial"}},
            {"schedule": ONECYCLE, "regularizers": ["clip_norm"]},
            {"training.batch_size": 20, "schedule": COSINE, "init": "orthogonal"},
        ),
    ),
    Way(
        ("digits mlp", "digits mlp bn", "digits conv", "digits tanh", "mnist mlp"),
        (
            {"model.dropout": 0.05},
            {"model.dropout": 0.1},
            {"model.dropout": 0.2},
            {"model.dropout": 0.12, "schedule": COSINE},
            {"augmentations": ["gaussian_noise"]},
            {"training.epochs": 16, "schedule": COSINE},
        ),
        ({"model.dropout": 0.15}, {"augmentations": [{"kind": "gaussian_noise", "sigma": 0.08}]}),
    ),
    Way(
        ("rings mlp", "moons mlp", "spiral mlp"),
        ({"training.epochs": 40, "schedule": COSINE}, {"training.batch_size": 12}),
        (),
    ),
    Way(  # augmented, and training on a batch still takes longer than making it
        ("digits mlp", "digits mlp bn", "digits conv", "digits tanh"),
        tuple({"augmentations": [{"kind": "rotation", "degrees": d}]} for d in (3.0, 5.0)),
        (),
    ),
    Way(  # slow, and still falling: no plateau
        ("digits mlp", "digits conv", "mnist mlp", "moons mlp", "spiral mlp"),
        (at(sgd(5e-3)) | {"training.epochs": 20}, at(adamw(5e-4)) | {"training.epochs": 20}),
        (),
    ),
    Way(  # other losses, and one that cannot reach zero
        ("digits mlp", "digits conv", "digits tanh", "moons mlp", "spiral mlp"),
        (
            {"loss": "mse"},
            {"loss": "mse", "training.epochs": 20, "schedule": CONSTANT},
            {"loss": {"kind": "hinge", "squared": True}},
            {"loss": {"kind": "focal", "gamma": 3.0}},
            {"loss.label_smoothing": 0.3, "training.epochs": 40},
            {"loss.label_smoothing": 0.1, "schedule": CONSTANT, "training.epochs": 40},
        ),
        (
            {"loss": "mse", "schedule": COSINE, "training.batch_size": 40},
            {"loss": "hinge", "training.batch_size": 40},
            {"loss": "focal", "schedule": COSINE},
            {"loss.label_smoothing": 0.2, "schedule": CONSTANT, "training.epochs": 36},
        ),
    ),
    Way(  # augmented as usual: training is harder than validation, and slow to begin
        ("digits conv", "digits lenet", "digits mlp bn"),
        (
            {"augmentations": ["shift", "rotation"], "training.epochs": 20},
            {"augmentations": ["shift", "rotation"], "training.epochs": 60},
            {"augmentations": ["shift", "erasing"], "training.epochs": 30, "schedule": COSINE},
        ),
        (
            {"augmentations": ["shift", "scale"], "training.epochs": 24},
            {"augmentations": ["rotation", "shear"], "training.epochs": 40, "schedule": COSINE},
        ),
        true=("val_better", "starved"),
    ),
)

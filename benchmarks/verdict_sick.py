"""Runs made sick, each in the way that one verdict is about."""

from benchmarks.verdict_settings import (
    BOUNDED,
    LONGER,
    MNIST,
    NETS,
    NOISY_MOONS,
    NOISY_RINGS,
    NOISY_XOR,
    ONCE,
    PLAIN,
    RISING,
    STEPS,
    Way,
    adamw,
    at,
    augmented,
    dead,
    deep,
    dropped,
    elastic,
    few,
    held,
    mlp,
    own,
    sgd,
    steep,
    toy,
    wide,
)

ILLS: dict[str, Way] = {
    "lr_low": Way(NETS, (at(sgd(1e-4, 0)), at(adamw(1e-5))), (at(sgd(2e-4, 0)), at(adamw(4e-6)))),
    "lr_high": Way(  # the moons are learnt in spite of it
        ("digits mlp", "digits tanh", "digits lenet", "mnist mlp", "digits mlp bn"),
        (at(adamw(0.3)), at(sgd(2.0))),
        (at(adamw(0.5)), at(sgd(1.5))),
    ),
    "diverging": Way(
        BOUNDED,
        (at(sgd(6.0)), at(adamw(4.0), schedule=RISING)),
        (at(sgd(8.0)), at(adamw(3.0), schedule=RISING)),
    ),
    "nan": Way(
        PLAIN,
        (at(sgd(5.0), loss="mse"),),
        (at(sgd(8.0), loss="mse"), at(sgd(4.0), loss="mse")),
    ),
    "plateau": Way(
        ("moons mlp",),
        (
            toy(NOISY_MOONS, 16, 1, 1e-2, 60),
            toy({**NOISY_XOR, "noise": 0.5}, 16, 1, 1e-2, 60),
            toy({**NOISY_RINGS, "noise": 0.3}, 16, 1, 1e-2, 60),
            toy({**NOISY_MOONS, "noise": 0.45}, 10, 1, 1.5e-2, 50),
            toy({**NOISY_XOR, "noise": 0.35}, 24, 1, 6e-3, 80),
            toy({**NOISY_RINGS, "noise": 0.4}, 8, 1, 9e-3, 65),
            toy({**NOISY_MOONS, "noise": 0.38}, 14, 1, 8e-3, 65),
            toy({**NOISY_MOONS, "noise": 0.33}, 6, 1, 1.2e-2, 55),
            toy({**NOISY_MOONS, "noise": 0.5}, 6, 2, 2e-2, 45),
            toy({**NOISY_XOR, "noise": 0.45}, 10, 2, 5e-3, 60),
            toy({**NOISY_RINGS, "noise": 0.27}, 10, 2, 7e-3, 70),
            toy(NOISY_MOONS, 16, 1, 1e-2, 75) | {"optimizer": sgd(0.05)},
            toy(NOISY_XOR, 8, 1, 1e-2, 60) | {"training.batch_size": 16},
            toy(NOISY_MOONS, 12, 1, 1e-2, 70) | {"schedule": STEPS},
            toy(NOISY_RINGS, 12, 1, 1e-2, 60) | {"model": mlp(12, 1, "tanh")},
        ),
        (
            toy({**NOISY_MOONS, "noise": 0.4}, 12, 1, 9e-3, 70),
            toy(NOISY_XOR, 20, 1, 8e-3, 70),
            toy(NOISY_RINGS, 12, 1, 8e-3, 70),
            toy({**NOISY_MOONS, "noise": 0.3}, 8, 1, 1e-2, 60),
            toy({**NOISY_RINGS, "noise": 0.35}, 24, 1, 1.2e-2, 60),
        ),
    ),
    "overfitting": Way(
        ("digits mlp", "mnist mlp", "arms mlp"),
        (few(0.975, 60, 128), few(0.95, 50, 64), few(0.965, 75, 256)),
        (few(0.96, 70, 200), few(0.97, 80, 96)),
    ),
    "underfitting": Way(
        ("moons mlp",),
        (
            toy({"kind": "circles"}, 1, 0, 1e-2, 25),
            toy({"kind": "xor"}, 1, 1, 1e-2, 25),
            toy({"kind": "digits"}, 2, 1, 1e-2, 30),
            toy(MNIST, 3, 1, 4e-3, 9),
            toy(MNIST, 1, 1, 1e-2, 7),
            toy(MNIST, 2, 1, 3e-3, 10),
            toy(MNIST, 2, 1, 8e-3, 7),
            toy(MNIST, 2, 2, 8e-3, 12),
            toy({"kind": "digits"}, 3, 1, 5e-3, 40),
            toy({"kind": "spiral", "arms": 3}, 2, 1, 2e-2, 20),
            toy({"kind": "spiral", "arms": 5}, 4, 1, 5e-3, 40),
        ),
        (
            toy({"kind": "spiral"}, 1, 0, 1e-2, 25),
            toy({"kind": "spiral", "arms": 4}, 3, 1, 1e-2, 30),
            toy({"kind": "digits"}, 1, 1, 1e-2, 30),
            toy(MNIST, 2, 1, 5e-3, 8),
            toy({"kind": "xor"}, 1, 0, 1e-2, 25),
        ),
    ),
    "noisy": Way(
        ("digits mlp", "digits tanh", "digits lenet", "spiral mlp"),
        (at(sgd(0.01, 0)) | {"training.batch_size": 1, "training.epochs": 1},),
        (
            at(sgd(0.02, 0)) | {"training.batch_size": 1, "training.epochs": 1},
            at(adamw(2e-3)) | {"training.batch_size": 2, "training.epochs": 2},
        ),
    ),
    "vanishing": Way(
        ("digits mlp", "mnist mlp", "digits conv"),
        (deep(10, "sigmoid", init="xavier_normal"), deep(12, "tanh", **steep(0.02))),
        (
            deep(12, "sigmoid", init="kaiming_normal"),
            deep(15, "tanh", **steep(0.03)),
            deep(9, "sigmoid", init="xavier_uniform"),
        ),
    ),
    "exploding": Way(
        ("digits mlp", "mnist mlp", "digits conv"),
        (deep(10, "relu", **steep(0.5)), deep(12, "elu", **steep(0.4))),
        (
            deep(12, "relu", **steep(0.45)),
            deep(15, "leaky_relu", **steep(0.5)),
            deep(9, "gelu", **steep(0.6)),
        ),
    ),
    "dead_units": Way(
        ("digits mlp", "mnist mlp", "digits lenet", "moons mlp"),
        (dead(-6.0) | {"model": mlp(48, 2)}, at(adamw(0.2)) | {"model": mlp(32, 3)}),
        (
            dead(-8.0) | {"model": mlp(32, 2)},
            at(adamw(0.3)) | {"model": mlp(48, 3)},
            dead(-7.0) | {"model": mlp(64, 1)},
        ),
    ),
    "saturated": Way(
        ("digits mlp", "mnist mlp", "digits lenet"),
        (deep(3, "tanh", **steep(1.0)), deep(2, "sigmoid", **wide(8.0))),
        (
            deep(4, "tanh", **steep(0.8)),
            deep(3, "sigmoid", **wide(10.0)),
            deep(2, "hardtanh", **steep(0.9)),
        ),
    ),
    "update_ratio": Way(
        NETS, (at(adamw(0.15)), at(sgd(2e-5, 0))), (at(adamw(0.2)), at(sgd(1e-5, 0)))
    ),
    "bad_start": Way(
        ("digits mlp", "digits mlp bn", "digits conv", "digits lenet", "digits tanh", "mnist mlp"),
        (steep(1.0, **ONCE), wide(5.0) | ONCE),
        (steep(0.9, **ONCE), wide(6.0) | ONCE),
    ),
    "regularised": Way(
        ("digits mlp", "mnist mlp", "digits tanh", "digits lenet"),  # a norm undoes any shrinking
        (held("l2", 1.0), held("l1", 0.05), at(sgd(0.05, 0, weight_decay=0.9))),
        (held("l2", 0.7), held("l1", 0.03), at(sgd(0.05, 0, weight_decay=0.6))),
    ),
    "label_noise": Way(
        ("digits mlp", "digits conv", "digits mlp bn", "digits tanh"),
        tuple(
            own("mixed", p, seed, **at(adamw(3e-3))) | {"training.epochs": 40}
            for p, seed in ((0.25, 7), (0.4, 7), (0.22, 8))
        ),
        tuple(
            own("mixed", p, seed, **at(adamw(4e-3))) | {"training.epochs": 36}
            for p, seed in ((0.2, 1), (0.3, 2), (0.35, 3))
        ),
    ),
    "mismatch": Way(
        ("digits mlp", "digits conv", "digits tanh"),
        (own("inverted", 1.0, 7), own("noise", 0.5, 7)),
        (own("inverted", 0.8, 1), own("noise", 0.6, 2), own("turned", 1.0, 3)),
    ),
    "val_better": Way(
        ("digits mlp", "digits conv", "mnist mlp"),
        (
            dropped(0.7),
            augmented({"kind": "mixup", "alpha": 1.0}) | LONGER,
            augmented({"kind": "erasing", "p": 1.0, "scale": [0.3, 0.5]}) | LONGER,
            augmented({"kind": "cutmix", "alpha": 0.5}) | LONGER,
        ),
        (
            dropped(0.65),
            augmented("cutmix") | LONGER,
            augmented({"kind": "erasing", "p": 1.0, "scale": [0.25, 0.5]}, "rotation") | LONGER,
        ),
    ),
    "starved": Way(
        ("mnist mlp",),
        (
            augmented(*elastic(1.0)),
            augmented("elastic"),
            augmented("trivial_augment") | {"model": mlp(40, 1)},
            augmented("shear", "perspective", "gaussian_blur") | {"model": mlp(24, 1)},
            augmented("rand_augment", "scale") | {"model": mlp(48, 2)},
            augmented("perspective", "scale") | {"model": mlp(32, 2)} | ONCE,
            augmented("rotation", "gaussian_blur") | {"training.batch_size": 128},
            augmented("rotation", "shear") | {"model": mlp(16, 1)} | ONCE,
        ),
        (
            augmented(*elastic(0.8)) | ONCE,
            augmented("rand_augment") | {"model": mlp(32, 1)} | ONCE,
            augmented("perspective", "rotation") | {"model": mlp(24, 2)} | ONCE,
            augmented("elastic", "shear") | {"model": mlp(16, 1)} | ONCE,
            augmented("trivial_augment", "rotation") | {"model": mlp(64, 1)} | ONCE,
        ),
    ),
}

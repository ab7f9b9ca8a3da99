"""What the defaults of a choice leave untouched: settings that change code, and choices together."""

from typing import Any

CONVNET = {"kind": "convnet", "width": 8, "stages": 1}

MORE: dict[str, dict[str, dict[str, Any]]] = {
    "activations": {
        "leaky_relu 0.2": {"model": {"activation": {"kind": "leaky_relu", "negative_slope": 0.2}}},
        "rrelu in convolutions": {"model": CONVNET | {"activation": {"kind": "rrelu", "upper": 0.5}, "dropout": 0.3}},
        "prelu 0.1": {"model": CONVNET | {"activation": {"kind": "prelu", "init": 0.1}}},
        "gelu, tanh": {"model": {"activation": {"kind": "gelu", "approximate": "tanh"}}},
    },
    "augmentations": {
        "moves": {
            "augmentations": [
                "shift", {"kind": "scale", "p": 0.5, "scale": [0.8, 1.3]}, "horizontal_flip",
                {"kind": "rotation", "degrees": 30.0}, "perspective",
            ],
            "model": CONVNET,
        },
        "in turn": {
            "augmentations": [
                {"kind": "shift", "padding": 2}, {"kind": "colour_jitter", "p": 0.7}, "rotation",
                {"kind": "cutmix", "p": 0.5}, {"kind": "trivial_augment", "p": 0.2}, "mixup",
            ]
        },
    },
    "convolutions": {
        "transposed, spectral": {"model": CONVNET | {"convolution": "transposed", "norm": "spectral"}},
        "deformable 5x5": {"model": CONVNET | {"convolution": {"kind": "deformable", "kernel_size": 5}}},
        "separable, weight norm": {"model": CONVNET | {"convolution": "separable", "norm": "weight"}},
    },
    "inits": {
        "lsuv of convolutions": {
            "model": CONVNET | {"norm": "none", "activation": "tanh"},
            "init": {"kind": "lsuv", "tolerance": 0.01, "bias": 0.1, "class_prior": True},
        },
        "class frequencies": {"init": {"kind": "trunc_normal", "bias": 0.01, "class_prior": True}},
        "frequencies of a default": {"init": {"kind": "default", "class_prior": True}},
        "zeros under weight norm": {"init": "zeros", "model": {"norm": "weight"}},
        "lsuv under weight norm": {"init": "lsuv", "model": {"norm": "weight", "depth": 3}},
        "sparse under spectral norm": {"init": "sparse", "model": CONVNET | {"norm": "spectral"}},
        "zero residual": {"init": "zero_residual", "model": {"kind": "resnet", "width": 8, "blocks": 1}},
        "fixup": {"init": "fixup", "model": {"kind": "resnet", "width": 8, "blocks": 1, "norm": "none"}},
        "kaiming, fan_out": {
            "init": {"kind": "kaiming_uniform", "a": 0.25, "mode": "fan_out", "nonlinearity": "leaky_relu"}
        },
    },
    "losses": {
        "smoothed": {"loss": {"kind": "cross_entropy", "label_smoothing": 0.1}},
        "hinge, squared, mixed": {"loss": {"kind": "hinge", "squared": True}, "augmentations": ["mixup"]},
        "focal, bfloat16": {"loss": {"kind": "focal", "gamma": 0.5}, "training": {"precision": "bfloat16"}},
    },
    "models": {
        "linear": {"model": {"kind": "mlp", "depth": 0}},
        "mlp, deep": {"model": {"width": 12, "depth": 3, "dropout": 0.2, "norm": "batch", "activation": "gelu"}},
        "convnet, deep": {
            "model": CONVNET | {"stages": 3, "convs": 2, "dropout": 0.5, "activation": "elu"}
        },
        "convnet, channels dropped": {
            "model": CONVNET | {"stages": 2, "dropout": 0.3, "dropout_kind": "channel"}
        },
        "vit, tokens in a batch norm": {
            "model": {
                "kind": "vit", "width": 16, "depth": 2, "heads": 2, "patch": 4, "dropout": 0.1,
                "stochastic_depth": 0.3, "norm": "batch", "activation": "prelu",
            }
        },
        "resnet, blocks left out": {
            "model": {
                "kind": "resnet", "width": 8, "blocks": 1, "stochastic_depth": 0.5, "norm": "group",
                "activation": "rrelu",
            }
        },
        "convnext, blocks left out": {
            "model": {"kind": "convnext", "width": 8, "layer_scale": 1e-6, "stochastic_depth": 0.2}
        },
        "efficientnet, spectral": {
            "model": {"kind": "efficientnet", "width": 8, "norm": "spectral", "stochastic_depth": 0.2}
        },
        "torchvision": {"model": {"kind": "torchvision", "name": "mobilenet_v3_small"}},  # a light one
        "torchvision, grey and scaled": {
            "model": {"kind": "torchvision", "name": "squeezenet1_1", "size": 17},
        },
        "convnet, biased": {"model": CONVNET | {"norm": "none", "activation": "tanh"}},
        "convnet, bfloat16": {"model": CONVNET | {"dropout": 0.5}, "training": {"precision": "bfloat16"}},
    },
    "norms": {
        "batch 2d": {"model": CONVNET | {"norm": {"kind": "batch", "momentum": 0.2, "eps": 1e-3}}},
        "group 2d": {"model": CONVNET | {"norm": {"kind": "group", "num_groups": 4}}},
        "layer 2d": {"model": CONVNET | {"norm": "layer"}},
        "rms 2d": {"model": CONVNET | {"norm": {"kind": "rms", "eps": 1e-3}}, "training": {"precision": "bfloat16"}},
        "instance 2d": {"model": CONVNET | {"norm": {"kind": "instance", "affine": True}}},
        "lrn 2d": {"model": CONVNET | {"norm": {"kind": "lrn", "k": 2.0, "alpha": 0.1}}},
        "weight 2d": {"model": CONVNET | {"norm": "weight", "convs": 2}},
        "spectral 2d": {"model": CONVNET | {"norm": {"kind": "spectral", "n_power_iterations": 3}}},
    },
    "optimizers": {
        "nesterov": {"optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True}},
        "adam, l2": {"optimizer": {"kind": "adam", "betas": [0.8, 0.99], "weight_decay": 1e-2}},
        "amsgrad": {"optimizer": {"kind": "adamw", "amsgrad": True, "eps": 1e-5}},
        "lbfgs, convolutions": {"optimizer": {"kind": "lbfgs", "max_iter": 3}, "model": CONVNET},
        "lbfgs, line search": {
            "optimizer": {"kind": "lbfgs", "max_iter": 5, "line_search_fn": "strong_wolfe"},
            "model": {"dropout": 0.2},
            "regularizers": ["l2", {"kind": "max_norm", "limit": 2.0}],
            "schedule": {"kind": "step", "step_size": 1, "warmup": 2},
        },
        "muon, deep": {"optimizer": {"kind": "muon", "ns_steps": 3}, "model": {"depth": 3, "norm": "layer"}},
        "muon, filters": {"optimizer": {"kind": "muon", "nesterov": False}, "model": CONVNET},
        "rprop, narrow": {"optimizer": {"kind": "rprop", "etas": [0.4, 1.1], "step_sizes": [1e-5, 0.1]}},
        "centered": {"optimizer": {"kind": "rmsprop", "lr": 1e-3, "momentum": 0.9, "centered": True}},
    },
    "regularizers": {
        "l2 and both clips": {
            "regularizers": ["l2", {"kind": "clip_norm", "max_norm": 0.5}, "clip_value"]
        },
        "elastic net, max-norm": {
            "regularizers": ["l1", "l2", {"kind": "max_norm", "limit": 0.5}], "model": CONVNET
        },
        "stopping early": {
            "regularizers": [{"kind": "early_stopping", "patience": 1}],
            "optimizer": {"lr": 0.3},
            "training": {"epochs": 12},
        },
    },
    "preprocessing": {
        "variance_kept": {"preprocessing": {"kind": "pca", "variance_kept": 0.9}},
        "zca, eps": {"preprocessing": {"kind": "zca", "eps": 0.01}, "model": CONVNET},
        "zca, augmented": {"preprocessing": "zca", "augmentations": ["shift"]},
        "pca_whitening, one batch": {"preprocessing": "pca_whitening", "training": {"batch_size": 4096, "epochs": 3}},
        "images, two threads": {"preprocessing": "center_images", "training": {"threads": 2}},
    },
    "schedules": {
        "plateau, dropping": {
            "schedule": {"kind": "plateau", "patience": 0, "threshold": 0.9, "min_lr": 1e-5},
            "training": {"epochs": 4},
        },
        "warm-up, momentum": {"schedule": {"kind": "cosine", "warmup": 7, "momentum_end": 0.5}},
        "sequential, by step": {
            "schedule": {"kind": "sequential", "at": 1, "first": "inverse_time", "then": "swa", "warmup": 3}
        },
        "sequential, by epoch": {
            "schedule": {"kind": "sequential", "at": 2, "first": {"kind": "multistep", "milestones": [1]},
                         "then": "multiplicative"},
            "training": {"epochs": 4},
        },
        "chained, by epoch": {
            "schedule": {"kind": "chained", "first": "constant", "second": {"kind": "step", "step_size": 1}}
        },
        "cyclic, no momentum": {
            "schedule": {"kind": "cyclic", "step_size_up": 1, "mode": "exp_range", "gamma": 0.5},
            "optimizer": "adagrad",
        },
        "step, dropping": {"schedule": {"kind": "step", "step_size": 1}},
        "three phases": {
            "schedule": {"kind": "onecycle", "three_phase": True, "anneal_strategy": "linear"}
        },
    },
    "splits": {
        "last of three folds": {"split": {"kind": "k_fold", "folds": 3, "fold": 3}},
    },
    "training": {
        "bfloat16": {"training": {"precision": "bfloat16"}},
        "a last batch of one": {"training": {"batch_size": 718}},
        "one batch": {"training": {"batch_size": 4096, "epochs": 3}},
        "seed, cpu": {"training": {"seed": 7, "device": "cpu"}},
        "two threads": {"training": {"threads": 2}, "model": CONVNET},
    },
}  # fmt: skip

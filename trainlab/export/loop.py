"""Loop: the training of a script, written out: an epoch, a step, the validation."""

from functools import partial

from trainlab.catalog.augmentations import changes, mixes
from trainlab.catalog.optimizers import contiguous_gradients
from trainlab.catalog.schedules import anneal_momentum, warmed_up
from trainlab.engine.batches import probabilities
from trainlab.export.edits import edit_lines, length_lines, optimizer_call, plan_of, scaled
from trainlab.export.stages import Stages
from trainlab.export.writer import Lines, Writer, indented, reasons


def training_lines(stages: Stages) -> Lines:
    """From the optimizer to the line of JSON at the end."""
    w = stages.first
    x = w.experiment
    derived = x.schedule.derived(plan_of(w, stages.train_images))
    several = "Each step sees all the training images." if x.optimizer.full_batch else _LAST
    return [
        f"# The training. {several}",
        *reasons(*x.augmentations, x.loss, x.optimizer, x.schedule, *x.regularizers),
        *length_lines(w),
        f"optimizer = {optimizer_call(w)}",
        f"schedule = {w.call(x.schedule, 'optimizer', **derived)}",
        "",
        'history = {"train_loss": [], "val_loss": [], "val_accuracy": []}',
        *(["step = 0"] if _counts(stages) else []),
        *(["stage = 0  # how often the run was edited"] if stages.edits else []),
        *(["lr_factor = 1.0"] if scaled(stages) else []),
        *_epochs(stages),
        "",
        'print(json.dumps({**history, "weights_sha256": weights_sha256(model)}))',
    ]


_LAST = "A last batch of one image is left out: it has no variance."


def _counts(stages: Stages) -> bool:
    """Whether steps are counted: something is drawn at each, or depends on its number."""
    if stages.edits:
        return True
    w, schedule = stages.first, stages.first.experiment.schedule
    moves = schedule.warmup or schedule.momentum_end is not None
    return bool(w.experiment.augmentations or w.noisy or moves)


def _epochs(stages: Stages) -> Lines:
    body = _epoch(stages)
    if stages.vary(lambda x: x.training.epochs):
        return ["epoch = 0", "while epoch < EPOCHS:", *indented([*body, "epoch += 1"])]
    return ["for epoch in range(EPOCHS):", *indented(body)]


def _epoch(stages: Stages) -> Lines:
    return [
        "total, seen = 0.0, 0",
        "order = epoch_order(len(train_rows), SEED, epoch).to(device)",
        *_steps(stages),
        'history["train_loss"].append(total / seen)',
        "",
        "model.eval()",
        "total, hits = 0.0, 0",
        "for index in torch.arange(len(val_rows), device=device).split(2 * BATCH_SIZE):",
        *indented(stages.lines(_validation)),
        "model.train()",
        'history["val_loss"].append(total / len(val_rows))',
        'history["val_accuracy"].append(hits / len(val_rows))',
        *stages.lines(_moves_after_epoch),
        'print(f"epoch {epoch + 1}: validation accuracy {hits / len(val_rows):.4f}")',
        *edit_lines(stages, between=True),
        *stages.lines(_ends),
    ]


def _steps(stages: Stages) -> Lines:
    """The loop over an epoch's batches."""
    edits = edit_lines(stages, between=False)
    if not stages.vary(lambda x: x.batch_size(stages.train_images)):
        full = stages.first.experiment.optimizer.full_batch
        size = "len(order)" if full else "BATCH_SIZE"
        body = [*edits, *_step(stages)]
        return [f"for index in order.split({size})[:steps_per_epoch]:", *indented(body)]
    return [
        "rows = 0",
        "while rows == 0 or len(order) - rows >= min(2, BATCH_SIZE):",
        *indented([*edits, *stages.lines(_index), "rows += len(index)", *_step(stages)]),
    ]


def _index(w: Writer) -> Lines:
    size = "len(order)" if w.experiment.optimizer.full_batch else "BATCH_SIZE"
    return [f"index = order[rows : rows + {size}]"]


def _moves_after_epoch(w: Writer) -> Lines:
    moves = {
        "epoch": ["schedule.step()"],
        "validation": ['schedule.step(history["val_loss"][-1])'],
        "step": [],
    }
    return moves[w.experiment.schedule.interval]


def _ends(w: Writer) -> Lines:
    rules = [rule for rule in w.experiment.regularizers if rule.moment == "epoch"]
    scores = 'history["val_accuracy"]'
    tests = [f"if {w.call(rule, scores)}:" for rule in rules]
    return [line for test in tests for line in (test, "    break")]


def _step(stages: Stages) -> Lines:
    return [
        *(["step += 1"] if _counts(stages) else []),
        *stages.lines(_batch),
        *stages.lines(partial(_update, factor="lr_factor" if scaled(stages) else "")),
        *stages.lines(_after),
        "total += loss.item() * len(index)",
        "seen += len(index)",
    ]


def _after(w: Writer) -> Lines:
    """What follows the optimizer's step."""
    x = w.experiment
    rules = [w.call(r, "model.parameters()") for r in x.regularizers if r.moment == "weights"]
    return [*rules, *(["schedule.step()"] if x.schedule.interval == "step" else [])]


def _batch(w: Writer) -> Lines:
    """From rows to inputs and targets."""
    x, inputs, targets = w.experiment, "gather(train_images, index)", "train_labels[index]"
    if not x.augmentations:
        return [f"inputs = preprocess({inputs})", f"targets = {targets}"]
    lines = [
        f"batch = {inputs}",
        'draws = generator(SEED, "augment", step, device=device)',
        *(f"batch = {w.finished(change, 'batch', 'draws')}" for change in changes(x.augmentations)),
    ]
    mixing = mixes(x.augmentations)
    if mixing:
        lines.append(f"targets = {w.name(probabilities)}({targets}, {len(w.data.classes)})")
        targets = "targets"
        given = ("batch", "targets", "draws")
        lines += [f"batch, targets = {w.finished(mix, *given)}" for mix in mixing]
    return [
        *lines,
        "batch = batch.contiguous(memory_format=torch.channels_last)",
        "inputs = preprocess(batch)",
        *([] if mixing else [f"targets = {targets}"]),
    ]


def _update(w: Writer, factor: str) -> Lines:
    """From inputs and targets to the optimizer's step."""
    x = w.experiment
    noise = "noise" if x.training.compile else "torch"
    loss = f"loss = {w.call(x.loss, f'{w.forward}(inputs)', 'targets')}"
    gradients = [
        *([f'{noise}.manual_seed(key_seed(SEED, "noise", step))'] if w.noisy else []),
        *w.within([loss]),
        "optimizer.zero_grad()",
        "loss.backward()",
        *(
            [f"{w.name(contiguous_gradients)}(model.parameters())"]
            if x.optimizer.full_batch
            else []
        ),
        *(
            w.call(rule, "model.parameters()")
            for rule in x.regularizers
            if rule.moment == "gradient"
        ),
    ]
    update = "optimizer.step()"
    if x.optimizer.full_batch:
        bound = "inputs=inputs, targets=targets" + (", step=step" if w.noisy else "")
        gradients = [f"def closure({bound}):", *indented([*gradients, "return loss"]), ""]
        update = "loss = optimizer.step(closure)"
    if x.schedule.warmup or factor:
        given = ", ".join(
            ["optimizer", "step", str(x.schedule.warmup), *([factor] if factor else [])]
        )
        gradients.append(f"with {w.name(warmed_up)}({given}):")
        update = f"    {update}"
    return [*_momentum(w), *gradients, update]


def _momentum(w: Writer) -> Lines:
    x, end = w.experiment, w.experiment.schedule.momentum_end
    if end is None:
        return []
    start, name = x.optimizer.first_momentum(), w.name(anneal_momentum)
    done = f"(step - 1 + {w.ahead})" if w.ahead else "(step - 1)"
    progress = f"{done} / max(1, EPOCHS * steps_per_epoch - 1)"
    return [f"{name}(optimizer, {w.value(start)}, {w.value(end)}, {progress})"]


def _validation(w: Writer) -> Lines:
    loss = w.call(w.experiment.loss, "logits", "val_labels[index]")
    whole = ".all(1)" if w.data.positions > 1 else ""  # a number is right if all its digits are
    body = [
        f"logits = {w.forward}(preprocess(gather(val_images, index)))",
        f"total += {loss}.item() * len(index)",
        f"hits += int((logits.argmax(1) == val_labels[index]){whole}.sum())",
    ]
    return w.within(body, "torch.no_grad()")

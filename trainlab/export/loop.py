"""Loop: the training of a script, written out: an epoch, a step, the validation."""

from dataclasses import replace

from trainlab.catalog.augmentations import changes, mixes
from trainlab.catalog.schedules import Plan, anneal_momentum, warmed_up
from trainlab.engine.batches import probabilities
from trainlab.engine.build import split_rows
from trainlab.export.names import Named
from trainlab.export.writer import Lines, Writer, indented


def training_lines(w: Writer) -> Lines:
    """From the optimizer to the line of JSON at the end."""
    x = w.experiment
    groups = w.name(type(x.optimizer).groups)
    schedule = w.call(x.schedule, "optimizer", **x.schedule.derived(_plan(w)))
    return [
        *_plan_lines(w),
        f"optimizer = {w.call(x.optimizer, f'{groups}(model.parameters())')}",
        f"schedule = {schedule}",
        "",
        'history = {"train_loss": [], "val_loss": [], "val_accuracy": []}',
        *(["step = 0"] if _counts(w) else []),
        "for epoch in range(EPOCHS):",
        *indented(_epoch(w)),
        "",
        'print(json.dumps({**history, "weights_sha256": weights_sha256(model)}))',
    ]


def _plan_lines(w: Writer) -> Lines:
    if w.experiment.optimizer.full_batch:
        return [
            "# The training, with all the training images in each step.",
            "steps_per_epoch = 1",
        ]
    return [
        "# The training. A last batch of one image is left out: it has no variance.",
        "batches, rest = divmod(len(train_rows), BATCH_SIZE)",
        "steps_per_epoch = max(1, batches + (rest > 1))",
    ]


def _plan(w: Writer) -> Plan:
    """The run's plan, in numbers that are printed as the script's own names."""
    train_rows, _val_rows = split_rows(w.experiment, w.data)
    plan = w.experiment.plan(len(train_rows))
    steps = Named(plan.steps_per_epoch, "steps_per_epoch")
    return replace(plan, epochs=Named(plan.epochs, "EPOCHS"), steps_per_epoch=steps)


def _counts(w: Writer) -> bool:
    """Whether steps are counted: something is drawn at each, or depends on its number."""
    schedule = w.experiment.schedule
    moves = schedule.warmup or schedule.momentum_end is not None
    return bool(w.experiment.augmentations or w.noisy or moves)


def _epoch(w: Writer) -> Lines:
    x = w.experiment
    loss, scores = 'history["val_loss"][-1]', 'history["val_accuracy"]'
    move = {"epoch": "schedule.step()", "validation": f"schedule.step({loss})", "step": ""}
    moved = move[x.schedule.interval]
    size = "len(order)" if x.optimizer.full_batch else "BATCH_SIZE"
    rules = [rule for rule in x.regularizers if rule.moment == "epoch"]
    ends = [line for rule in rules for line in (f"if {w.call(rule, scores)}:", "    break")]
    return [
        "total, seen = 0.0, 0",
        "order = epoch_order(len(train_rows), SEED, epoch).to(device)",
        f"for index in order.split({size})[:steps_per_epoch]:",
        *indented(_step(w)),
        'history["train_loss"].append(total / seen)',
        "",
        "model.eval()",
        "total, hits = 0.0, 0",
        "for index in torch.arange(len(val_rows), device=device).split(2 * BATCH_SIZE):",
        *indented(_validation(w)),
        "model.train()",
        'history["val_loss"].append(total / len(val_rows))',
        'history["val_accuracy"].append(hits / len(val_rows))',
        *([moved] if moved else []),
        'print(f"epoch {epoch + 1}: validation accuracy {hits / len(val_rows):.4f}")',
        *ends,
    ]


def _step(w: Writer) -> Lines:
    x = w.experiment
    return [
        *(["step += 1"] if _counts(w) else []),
        *_batch(w),
        *_update(w),
        *(
            w.call(rule, "model.parameters()")
            for rule in x.regularizers
            if rule.moment == "weights"
        ),
        *(["schedule.step()"] if x.schedule.interval == "step" else []),
        "total += loss.item() * len(index)",
        "seen += len(index)",
    ]


def _batch(w: Writer) -> Lines:
    """From rows to inputs and targets."""
    x, inputs, targets = w.experiment, "gather(train_images, index)", "train_labels[index]"
    if not x.augmentations:
        return [f"inputs, targets = preprocess({inputs}), {targets}"]
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
        "inputs = preprocess(batch)"
        if mixing
        else f"inputs, targets = preprocess(batch), {targets}",
    ]


def _update(w: Writer) -> Lines:
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
    if x.schedule.warmup:
        gradients.append(f"with {w.name(warmed_up)}(optimizer, step, {x.schedule.warmup}):")
        update = f"    {update}"
    return [*_momentum(w), *gradients, update]


def _momentum(w: Writer) -> Lines:
    x, end = w.experiment, w.experiment.schedule.momentum_end
    if end is None:
        return []
    start, name = x.optimizer.first_momentum(), w.name(anneal_momentum)
    progress = "(step - 1) / max(1, EPOCHS * steps_per_epoch - 1)"
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

"""The Schedule panel: the learning rate and momentum of the whole run."""

from dataclasses import replace

from trainlab.catalog.schedules import Plan, ScheduleChoice
from trainlab.engine.schedule_preview import Preview, preview
from trainlab.text import _
from trainlab.widgets.pictures.look import Look, Spec, picture

MOST_STEPS = 2_000  # of a schedule's picture: it is not wider


def schedule_pictures(look: Look) -> list[Spec]:
    """The learning rate of the whole run, and momentum where it moves."""
    from trainlab.views.figures import to_svg  # matplotlib is slow to import
    from trainlab.views.schedules import schedule_figure

    optimizer, schedule = look.experiment.optimizer, look.experiment.schedule
    plan = look.experiment.plan(look.train_images())
    drawn, thinned = thinned_out(plan, schedule)
    curves = preview(optimizer, thinned, drawn)
    figure = schedule_figure(curves.lrs, curves.momenta, drawn.steps_per_epoch, thinned.warmup)
    words = _words(curves, plan, schedule)
    return [picture("lr", _("Learning rate over the whole run"), words, words, svg=to_svg(figure))]


def thinned_out(plan: Plan, schedule: ScheduleChoice) -> tuple[Plan, ScheduleChoice]:
    """The run in few enough steps to be drawn, of the same length in epochs, with its warm-up."""
    steps = max(1, min(plan.steps_per_epoch, MOST_STEPS // plan.epochs))
    if steps == plan.steps_per_epoch:
        return plan, schedule
    warmup = round(schedule.warmup * steps / plan.steps_per_epoch)
    return replace(plan, steps_per_epoch=steps), schedule.but(warmup=warmup)


def _words(curves: Preview, plan: Plan, schedule: ScheduleChoice) -> str:
    """What the picture shows, for its caption and for who cannot see it."""
    lrs, momenta = curves.lrs, curves.momenta
    words = _(
        "{steps:,} steps in {epochs} epochs: from {first:.3g} over at most {most:.3g} to {last:.3g}."
    )
    if schedule.interval == "validation":
        words = _("It falls when the validation loss stalls, which only the run itself will show.")
    lines = [
        words.format(
            steps=plan.steps, epochs=plan.epochs, first=lrs[0], most=max(lrs), last=lrs[-1]
        )
    ]
    if schedule.warmup:
        line = _("The first {steps:,} steps, shaded, warm up.")
        lines.append(line.format(steps=min(schedule.warmup, plan.steps)))
    if len(set(momenta)) > 1:
        line = _(
            "Below: momentum, from {first:.3g} to {last:.3g}, between {least:.3g} and {most:.3g}."
        )
        lines.append(
            line.format(first=momenta[0], last=momenta[-1], least=min(momenta), most=max(momenta))
        )
    return " ".join(lines)

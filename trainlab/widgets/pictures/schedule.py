"""The Schedule panel: the learning rate of the whole run."""

from dataclasses import replace

from trainlab.catalog.schedules import Plan, ScheduleChoice
from trainlab.engine.preview import preview_lrs
from trainlab.text import _
from trainlab.widgets.pictures.look import Look, Spec, picture

MOST_STEPS = 2_000  # of a schedule's picture: it is not wider


def schedule_pictures(look: Look) -> list[Spec]:
    """The learning rate of the whole run."""
    from trainlab.views.figures import lr_figure, to_svg  # matplotlib is slow to import

    experiment = look.experiment
    plan = experiment.plan(look.train_images())
    drawn = replace(plan, steps_per_epoch=_steps_drawn(experiment.schedule, plan))
    lrs = preview_lrs(experiment.optimizer, experiment.schedule, drawn)
    caption = _(
        "{steps:,} steps in {epochs} epochs: from {first:.3g} over at most {most:.3g} to {last:.3g}."
    )
    caption = caption.format(
        steps=plan.steps, epochs=plan.epochs, first=lrs[0], most=max(lrs), last=lrs[-1]
    )
    if experiment.schedule.interval == "validation":
        caption = _(
            "It falls when the validation loss stalls, which only the run itself will show."
        )
    return [
        picture(
            "lr",
            _("Learning rate over the whole run"),
            caption,
            caption,
            svg=to_svg(lr_figure(lrs, drawn.steps_per_epoch)),
        )
    ]


def _steps_drawn(schedule: ScheduleChoice, plan: Plan) -> int:
    """Steps an epoch of the picture. A long run is drawn in fewer, unless a setting counts steps."""
    units = [field.json_schema_extra for field in type(schedule).model_fields.values()]
    if any(isinstance(extra, dict) and extra.get("unit") == "steps" for extra in units):
        return plan.steps_per_epoch
    return max(1, min(plan.steps_per_epoch, MOST_STEPS // plan.epochs))

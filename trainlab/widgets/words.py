"""The words of the page's own code, translated: it asks for them by their English key."""

from trainlab.text import _

_KEYS = """
About {name}|Reset {name} to default|Move {name} up|Move {name} down|Remove {name}
Add|Add to the list|When to use|Pitfalls|auto|Copy|Download|Copied|Copying was not allowed
Show the code|Panels|Preparing the panel …
Run|Progress|Edited during the run|What to do next:|Start|Pause|Resume|Step|Save|Stop|Reset
What happened to the run|Below the curves: edits and checkpoints. Choose one.|Stop the run first
Branch with the forms' changes|Go back to here
Chart|Loss|Accuracy|Learning rate|each step|train|train mean|validation|lr|Log loss|Show lr
The race|Surface|Your lr ×|Racers|Play|Play the race|Pause the race|Step the race
Drag the start|left the picture|cannot run on two weights
Start at {x}, {y}: drag it, or press the arrow keys
The surfaces are wide: your optimizer's lr is multiplied by this
Decision boundary|after step {step}
Filled: training points. Open: validation points. The fuller the colour, the surer the net.
Upload|Upload a zip …|Sending {name} …|Reading {name} …|{name} is empty|{name} cannot be read
{name} is larger than {most} MB|The upload was not answered: try again
Smoothing|Latest|Zoom to the latest epochs|Reset zoom|epoch|points|No points yet.
"""


def page_words() -> dict[str, str]:
    """English -> the user's language."""
    keys = [key for line in _KEYS.strip().splitlines() for key in line.split("|")]
    return {key: _(key) for key in keys}

"""The words of the page's own code, translated: it asks for them by their English key."""

from trainlab.text import _

_KEYS = """
About {name}|Reset {name} to default|Move {name} up|Move {name} down|Remove {name}
Add|Add to the list|When to use|Pitfalls|auto|Copy|Download|Copied|Selected: press Ctrl+C
Share|Download {name}|Open an experiment|Open|Choose a file …|Paste JSON, TOML or a link
It is on the forms now|{name} is larger than an experiment may be|The page was not answered: try again
All there is of a run, in one zip|Its settings, numbers, curves, script and weights; another lab opens it again.
Download the run on the chart|the run|Packing {run} …|{run}: {percent} %|Open a run …|{name} is among the runs now
Show the code|Panels|Preparing the panel …
Run|Progress|Edited during the run|What to do next:|Start|Pause|Resume|Step|Save|Stop|Reset
What happened to the run|Below the curves: edits and checkpoints. Choose one.|Stop the run first
Branch with the forms' changes|Go back to here
Verdicts|Why|Dismiss
Chart|Loss|Accuracy|Learning rate|each step|train|train mean|validation|lr|Log loss|Show lr
The race|Surface|Your lr ×|Racers|Play|Play the race|Pause the race|Step the race
Drag the start|left the picture|cannot run on two weights
Start at {x}, {y}: drag it, or press the arrow keys
The surfaces are wide: your optimizer's lr is multiplied by this
Decision boundary|after step {step}
Filled: training points. Open: validation points. The fuller the colour, the surer the net.
Upload|Upload a zip …|Sending {name} …|Reading {name} …|{name} is empty|{name} cannot be read
{name} is larger than {most} MB|The upload was not answered: try again
Runs|Search the runs|Order of the runs|Newest first|Best first
No run has these words.|No runs yet. Press Start.|Show more: {n} are left
Tick runs to draw them on the chart; two can be compared.|Other runs on the chart|Compare|Close|Undo|{name} is deleted.
On the chart|State|Curve|Best|Epochs|Differs from the default|Parent|Begun|Actions|Name|note|Keep at the top|More
Draw {name} on the chart|Pin {name}|Show {name}|Resume {name}|More on {name}|Note on {name}|{name}, step {step}|Show
Checkpoint|Branch|with what the forms say now|Put its settings on the forms|Delete
train is thin, validation dashed|Their settings are the same.
Run the checks|Cancel|{done} of {total} checks|{done} steps|passed|look at it|failed|left out
Rule and numbers|Expected|Rule|Took|The forms have changed since: run it again.
Learning rate range test|Run the range test|Use this learning rate|In use|Loss over the learning rate
A copy is trained for 100 steps while the learning rate rises from step to step, until the loss explodes.
Gradients, layer by layer|Check the gradients|Comparing …|Layers: all, or those you tick
What the network's backward pass says, against differences of the loss: a few entries of every tensor.
How good are you?|Label 20 images|Label 20 others|Drawing images …|Undo the last|Type to find a class
Label 20 validation images yourself, as they are before preprocessing. Your score becomes a line on the accuracy chart.
Press a digit, or Backspace for the one before.|Enter takes the first of those that are left.
Known result on the accuracy chart|Name of the line|Accuracy in %|Draw it|my own line …|none
References|Reference lines
No run is on the chart yet: press Start.|The run has no checkpoint yet: wait for one, or press Save.
Show the results|Asking the network …|This is of another run: {name}|There is a newer checkpoint: {name}
Confusion matrix|Rows: what is right. Columns: what was answered. Choose a cell to see its images.
Mixed up most often|Class by class|What speaks for
Cost|Newest step|outputs|gradients|sound|Update : weight|Gradient norm|Layers|Layer|Image
How far a step moves a layer's weights, over how long they are: about 1e-3 is sound.
Much less, and the learning rate is low; much more, and it is high.
The same images again and again|Filters and feature maps|{n} layers between these are left out
Solid: the chance of the right class. Dashed: of the likeliest wrong one.
Curves that jump from look to look say that the learning rate is high.
First layer's filters: grey is 0|Feature maps: the brighter, the larger|Recorded after step {step}, of image {n}.
The first look comes with the first steps.|At this cost no histograms and no pictures are kept.
Press Start: this shows the run while it trains, and any step of it afterwards.
Smoothing|Latest|Zoom to the latest epochs|Reset zoom|epoch|points|No points yet.
"""


def page_words() -> dict[str, str]:
    """English -> the user's language."""
    keys = [key for line in _KEYS.strip().splitlines() for key in line.split("|")]
    return {key: _(key) for key in keys}

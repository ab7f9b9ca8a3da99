"""Speed of the lab, with its page open, against a loop written by hand."""

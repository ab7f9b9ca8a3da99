"""The one error a user sees: what happened, why, and what to do next."""


class Problem(Exception):
    """Something the user can mend.

    Args:
        what: what happened, naming the field or the file.
        why: the cause, in one sentence.
        remedy: what to do next, in one sentence.
    """

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what, why, remedy)
        self.what, self.why, self.remedy = what, why, remedy

    def __str__(self) -> str:
        detail = ". ".join(part.rstrip(".") for part in (self.why, self.remedy) if part)
        return f"{self.what}: {detail}" if detail else self.what

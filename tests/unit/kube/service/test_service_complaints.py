"""The log tells of trouble once for a while."""

from kube.service.complaints import AGAIN, KNOWN, Complaints


class World:
    """What was told, and a clock to be set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self.complaints = Complaints(lambda error: self.told.append(str(error)), lambda: self.now)

    def meet(self, *texts: str) -> list[str]:
        """Meet these troubles; returns what is told of them."""
        self.told.clear()
        for text in texts:
            self.complaints(ValueError(text))
        return list(self.told)


def test_the_same_trouble_is_told_once_also_between_others():
    world = World()
    assert world.meet("a", "a", "b", "a", "b", "b") == ["a", "b"]
    world.now = AGAIN - 1
    assert world.meet("a", "b", "c") == ["c"]


def test_trouble_that_lasts_or_is_back_is_told_again():
    world = World()
    world.meet("a")
    world.now = AGAIN + 1
    assert world.meet("a", "a") == ["a"]


def test_what_is_remembered_is_bounded():
    world = World()
    texts = [f"t{number}" for number in range(KNOWN + 1)]
    world.meet(*texts)
    assert world.meet(texts[-1], texts[0]) == [texts[0]]

"""Words that go with a number."""


def plural(number: float, one: str, many: str = "") -> str:
    """`one` where the number is 1, else `many` (by default `one` with an s).

    >>> [f"{n} {plural(n, 'tile')} {plural(n, 'holds', 'hold')} no tissue" for n in (1, 2)]
    ['1 tile holds no tissue', '2 tiles hold no tissue']
    """
    return one if number == 1 else many or f"{one}s"

"""One module a part of the book: pure functions that return what its figures show."""

__all__: list[str] = []

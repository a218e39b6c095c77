"""One module a part of the book: pure functions that return what its figures show."""

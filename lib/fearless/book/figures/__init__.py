"""The figures of the book, one module per part: functions from a result to a figure.

Every function takes a small result object of `fearless.experiments` (or plain arrays) and returns
a matplotlib figure in the style of `fearless.book.style`; it computes nothing. A page calls it in
the last expression of a cell, a slider in its ``draw``.
"""

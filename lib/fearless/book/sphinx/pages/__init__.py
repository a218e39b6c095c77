"""What stands on a page: the box at its head, figures, claims and the links between them."""

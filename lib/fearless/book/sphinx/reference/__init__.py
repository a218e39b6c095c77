"""The library's reference, with links to and from the pages, and the lists of the appendix."""

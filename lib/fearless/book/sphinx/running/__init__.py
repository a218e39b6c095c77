"""Every page as a notebook, and the buttons that open it."""

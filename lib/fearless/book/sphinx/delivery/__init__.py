"""What makes the pages light, complete, and open to every reader."""

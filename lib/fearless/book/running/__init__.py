"""Pages away from the build: without torch, without a network, within the limits of Binder."""

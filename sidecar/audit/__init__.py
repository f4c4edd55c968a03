"""The journal read back: who did what and when, in plain words, and whether the chain is whole."""

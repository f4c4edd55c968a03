"""Orders: what a hospital asked for, and the modality worklist its machines query (PS3.4 annex K)."""

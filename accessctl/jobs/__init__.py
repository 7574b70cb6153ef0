"""Background work: the sequencer, one closing loop for each office, the watchers of evidence and custody."""

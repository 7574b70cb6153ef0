"""Pure rules of the agency: no input, no output, standard library only."""

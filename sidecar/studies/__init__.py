"""Studies: the index of what lies in the cells, who owns it, who may read it, how far it is."""

"""The live list: filters, views with counts, changes since a moment, the stream that says "look again".

Does not belong here: who may take a study (assignment), the reading page (reports), the hospital's own list (reports).
"""

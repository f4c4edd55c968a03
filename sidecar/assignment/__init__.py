"""Who reads what: claim, assign, release; the lock of the one who is reading.

Does not belong here: what the list shows (worklist), the text (reports), deadlines (studies).
"""

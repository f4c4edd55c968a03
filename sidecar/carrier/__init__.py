"""The carrier: a small program behind nginx that brings whole studies and exports to whoever asked, and lets go of them in time.

A download outlasts the request that was let in by minutes or hours. So the web application decides and writes down what to
fetch and for whom (``accounts.carrying``), nginx is sent here, and the carrier does three things at once: it reads the cell at
full speed (a cell keeps in memory what it packed and nobody took), keeps on disk what a slow client has not taken yet, and
looks every few seconds whether the person is still let in. Whoever is not gets no byte more: the connection ends before the
end of the answer, which every client tells from a whole one.

What does not belong here: deciding who may have what, and anything about patients. No name, no path, no token is logged.
"""

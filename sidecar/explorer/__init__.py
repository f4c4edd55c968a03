"""Orthanc Explorer at the edge, `/explorer/own/…` and `/explorer/<context>/…`: who may open it, where it leads, its record.

- events  that it was opened
- roots   what stands behind the first part of its path
- web     the way in, nginx's question, and the way out to the verbs of ``archive``

Owns nothing: contexts belong to ``studies``, verbs to ``archive``; what a cell answers is decided in the cell.
"""

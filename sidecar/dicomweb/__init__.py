"""The DICOMweb edge: `/dicom-web/<reading context>/…` and `/dicom-web/own/…`, the caller's own archive (PS3.18 chapter 10).

- roots       what stands behind the first part of a path
- attributes  what the index knows, by DICOM keyword and tag
- query       a client's search arguments, read strictly and never passed on
- criteria    what is asked of one attribute (PS3.4 C.2.2.2)
- search      the query as one SQL statement
- answers     rows of the index in the DICOM JSON model; native writes it as XML; media is what the client takes
- retrieve    full metadata from the cache or, on a miss, from the cell
- twins       objects their cell does not find by their UIDs, because two patients share them
- multipart   bodies that are stored, read as they come; part10 says which instance a file is
- storing     instance by instance into the own cell, with a result for each; places says how many at a time
- web         searches and metadata; thumbnails, frames, stow what their names say
- pixels      the questions nginx asks before frames and whole objects go from a cell to the caller
- jobs        metadata and thumbnails made when a study is complete, contexts that ran out forgotten

Owns nothing: contexts, cache and index belong to ``studies``.
"""

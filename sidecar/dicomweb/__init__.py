"""The DICOMweb edge: one root per reading context, `/dicom-web/<context>/…` (PS3.18 chapter 10).

- attributes  what the index knows, by DICOM keyword and tag
- query       a client's search arguments, read strictly and never passed on
- matching    attribute matching (PS3.4 C.2.2.2)
- answers     rows of the index in the DICOM JSON model
- retrieve    full metadata from the cache or, on a miss, from the cell
- web         searches and metadata; storing is refused
- pixels      the question nginx asks before it passes frames on: may this session see this study, and where is it?
- jobs        the cache filled when a study is complete, contexts that ran out forgotten

Owns nothing: contexts, cache and index belong to ``studies``.
"""

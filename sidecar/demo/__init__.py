"""Demo data: invented patients, numpy phantoms written as DICOM, and a sender.

- `people`: the patients, and the physicians who refer them
- `studies`: `StudySpec` and `DEMO`, what each hospital sends
- `phantoms`: `generate` writes a study's files, `slices` writes a cheap stream for tests and benchmarks
- `chest` `brain` `heart`: anatomy as arrays; `raster` draws shapes; `objects` turns arrays into DICOM objects
- `send`: `send` hands a folder to a cell with dcmtk's storescu

What does not belong here: anything that knows the database, users or the cells.
"""

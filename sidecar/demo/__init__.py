"""Demo data: invented patients, numpy phantoms written as DICOM, and a sender.

- `people`: the patients, and the physicians who refer them
- `studies`: `StudySpec` and `DEMO`, what each hospital sends
- `phantoms`: `generate` writes a study's files, `slices` writes a cheap stream for tests and benchmarks
- `chest` `brain` `heart`: anatomy as arrays; `raster` draws shapes; `objects` turns arrays into DICOM objects
- `send`: `send` hands a folder to a cell with dcmtk's storescu
- `cast`: the demo's users and the book of their secrets
- `prior`: the report of a year ago
- `load`: all of it, into a running instance
"""
